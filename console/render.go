package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/internal/plot"
	"github.com/cordonhq/cordon/internal/visible"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/console.css
var ownStyle string

// styleSheet is the console's one style sheet, with that of the plots at its end.
var styleSheet = []byte(ownStyle + "\n" + plot.CSS)

//go:embed static/icon.svg
var iconFile []byte

// styleName changes with the style sheet, so that browsers may keep it for good.
var styleName = func() string {
	sum := sha256.Sum256(styleSheet)
	return "console-" + hex.EncodeToString(sum[:6]) + ".css"
}()

// templates are parsed at start: a mistake in a page ends the program before it serves anything.
var templates = func() map[string]*template.Template {
	funcs := template.FuncMap{"icon": icon, "size": size, "count": count[int], "count64": count[int64], "style": func() string { return styleName }}
	layout := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(pageFiles, "pages/layout.html"))
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err)
	}
	out := map[string]*template.Template{}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".html"); name != "layout" {
			out[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, path.Join("pages", e.Name())))
		}
	}
	return out
}()

// frame is what every page has around it.
type frame struct {
	Title       string
	Environment Environment
	Signed      bool
	Account     account.Account
	Roles       string
	Token       string // proves that a form came from our page
	Nav         []navLink
	Page        any
}

type navLink struct {
	Path, Label, Icon string
	Current           bool
}

// render writes a page. It is made in memory first, so that a mistake in it becomes an error
// page and not half a page.
func (s *Server) render(w http.ResponseWriter, r *request, status int, name, title string, p any) error {
	f := frame{Title: title, Environment: s.conf.Environment, Page: p}
	if r.secret != "" {
		f.Signed, f.Account, f.Token = true, r.account, r.proof("form")
		f.Nav = []navLink{{"/", "Now", "now", false}, {"/holds", "On hold", "hold", false}, {"/removals", "Proposals", "question", false}, {"/alerts", "Reported", "flag", false},
			{"/coverage", "Coverage", "look", false}, {"/routes", "Routes", "route", false}, {"/inventory", "Inventory", "stock", false},
			{"/backfill", "Backfill", "clock", false}, {"/reports", "Reports", "report", false}}
		if r.account.May(account.Lists) {
			f.Nav = slices.Insert(f.Nav, 4, navLink{"/known", "Known files", "seal", false})
		}
		for i := range f.Nav {
			f.Nav[i].Current = f.Nav[i].Path == r.URL.Path
		}
		roles := make([]string, len(r.account.Roles))
		for i, role := range r.account.Roles {
			roles[i] = string(role)
		}
		f.Roles = strings.Join(roles, ", ")
	}
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout.html", f); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(visible.HTML(b.Bytes())) // what strangers wrote stands on pages, and is shown as it is
	return nil
}

func (s *Server) static(w http.ResponseWriter, r *request) error {
	switch r.PathValue("file") {
	case styleName:
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(styleSheet)
	case "icon.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		w.Write(iconFile)
	default:
		return errNoPage
	}
	return nil
}
