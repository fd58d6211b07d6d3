package main

import (
	"strings"
	"testing"
)

const run = `go: downloading example.org/x v1.0.0
{"Action":"build-output","ImportPath":"m/broken","Output":"# m/broken\n"}
{"Action":"build-output","ImportPath":"m/broken","Output":"broken/x.go:3: undefined: y\n"}
{"Action":"build-fail","ImportPath":"m/broken"}
{"Action":"output","Package":"m/broken","Output":"FAIL\tm/broken [build failed]\n"}
{"Action":"fail","Package":"m/broken","Elapsed":0,"FailedBuild":"m/broken"}
{"Action":"start","Package":"m/good"}
{"Action":"run","Package":"m/good","Test":"TestFine"}
{"Action":"output","Package":"m/good","Test":"TestFine","Output":"=== RUN   TestFine\n"}
{"Action":"output","Package":"m/good","Test":"TestFine","Output":"nobody needs to read this\n"}
{"Action":"pass","Package":"m/good","Test":"TestFine","Elapsed":0}
{"Action":"run","Package":"m/good","Test":"TestCluster"}
{"Action":"run","Package":"m/good","Test":"TestCluster/rows"}
{"Action":"output","Package":"m/good","Test":"TestCluster/rows","Output":"=== RUN   TestCluster/rows\n"}
{"Action":"output","Package":"m/good","Test":"TestCluster/rows","Output":"    rows_test.go:7: no PostgreSQL programs: install them\n"}
{"Action":"output","Package":"m/good","Test":"TestCluster/rows","Output":"    --- SKIP: TestCluster/rows (0.00s)\n"}
{"Action":"skip","Package":"m/good","Test":"TestCluster/rows","Elapsed":0}
{"Action":"pass","Package":"m/good","Test":"TestCluster","Elapsed":0}
{"Action":"run","Package":"m/good","Test":"TestMore"}
{"Action":"output","Package":"m/good","Test":"TestMore","Output":"    more_test.go:9: no PostgreSQL programs: install them\n"}
{"Action":"skip","Package":"m/good","Test":"TestMore","Elapsed":0}
{"Action":"run","Package":"m/good","Test":"TestQuiet"}
{"Action":"skip","Package":"m/good","Test":"TestQuiet","Elapsed":0}
{"Action":"pass","Package":"m/good","Elapsed":1.25}
{"Action":"run","Package":"m/bad","Test":"TestWrong"}
{"Action":"output","Package":"m/bad","Test":"TestWrong","Output":"    bad_test.go:3: got 1, want 2\n"}
{"Action":"output","Package":"m/bad","Test":"TestWrong","Output":"--- FAIL: TestWrong (0.00s)\n"}
{"Action":"fail","Package":"m/bad","Test":"TestWrong","Elapsed":0}
{"Action":"fail","Package":"m/bad","Elapsed":0.5}
{"Action":"run","Package":"m/dead","Test":"TestPanics"}
{"Action":"output","Package":"m/dead","Test":"TestPanics","Output":"panic: out of cheese\n"}
{"Action":"output","Package":"m/dead","Output":"exit status 2\n"}
{"Action":"fail","Package":"m/dead","Elapsed":0.5}
{"Action":"output","Package":"m/none","Output":"?   \tm/none\t[no test files]\n"}
{"Action":"skip","Package":"m/none","Elapsed":0}
`

const want = `go: downloading example.org/x v1.0.0
# m/broken
broken/x.go:3: undefined: y
FAIL	m/broken [build failed]
FAIL  m/broken  0.0s
ok    m/good  1.2s
    bad_test.go:3: got 1, want 2
--- FAIL: TestWrong (0.00s)
FAIL  m/bad  0.5s
did not finish: TestPanics
panic: out of cheese
FAIL  m/dead  0.5s

Skipped, and why:
  no PostgreSQL programs: install them
      m/good TestCluster/rows
      m/good TestMore
  it does not say why
      m/good TestQuiet

2 passed, 3 failed, 3 skipped
`

func TestReport(t *testing.T) {
	var out strings.Builder
	r, err := read(strings.NewReader(run), &out)
	if err != nil {
		t.Fatal(err)
	}
	r.conclude()
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestReportOfNothing(t *testing.T) {
	var out strings.Builder
	r, err := read(strings.NewReader("no such tool: go"), &out)
	if err != nil {
		t.Fatal(err)
	}
	r.conclude()
	if want := "no such tool: go\n0 passed, 0 failed, 0 skipped\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
