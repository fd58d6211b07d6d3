package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// input is one file to look at, or the reason why there is none.
type input struct {
	path string
	size int64
	err  error
}

// walk calls visit for every input until it returns false.
func walk(conf Config, visit func(input) bool) {
	for _, path := range conf.Paths {
		// A link that was named is followed; links that are met on the way are not.
		info, err := os.Stat(path)
		switch {
		case err != nil:
			if !visit(input{path: path, err: reason(err)}) {
				return
			}
		case info.IsDir():
			if !folder(conf, path, 1, visit) {
				return
			}
		default:
			if !visit(input{path: path}) {
				return
			}
		}
	}
}

// folder visits the files below path; false ends the walk.
func folder(conf Config, path string, depth int, visit func(input) bool) bool {
	if depth > conf.MaxDepth {
		return visit(input{path: path, err: fmt.Errorf("folders nested more than %d deep", conf.MaxDepth)})
	}
	entries, err := os.ReadDir(path) // sorted by name
	for _, e := range entries {
		inner := filepath.Join(path, e.Name())
		ok := true
		switch kind := e.Type(); {
		case kind.IsDir():
			ok = folder(conf, inner, depth+1, visit)
		case kind.IsRegular():
			ok = visit(input{path: inner})
		case kind&fs.ModeIrregular != 0:
			ok = visit(input{path: inner, err: errors.New("not a regular file")})
		}
		// Links, pipes, sockets and devices hold no content of their own.
		if !ok {
			return false
		}
	}
	if err != nil {
		return visit(input{path: path, err: reason(err)})
	}
	return true
}
