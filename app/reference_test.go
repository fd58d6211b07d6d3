package app

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// docs/configuration.md is what the comments in the sources say.
func TestConfigurationReference(t *testing.T) {
	example, err := os.ReadFile("../docs/cordon.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	structs := map[string]*ast.TypeSpec{}
	for _, file := range []string{"config.go", "costs.go", "partners.go", "trust.go", "../route.go", "../account/book.go", "../media/sandbox/config.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg := ""
		if f.Name.Name != "app" {
			pkg = f.Name.Name + "."
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if spec, ok := s.(*ast.TypeSpec); ok {
					spec.Doc = g.Doc
					structs[pkg+spec.Name.Name] = spec
				}
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Configuration

<!-- Written by go test ./app -run TestConfigurationReference -update from the comments in
app/config.go, route.go, account/book.go and media/sandbox/config.go. Do not edit. -->

%s

A key that is not in this reference is refused, with its line; values that cannot be meant are
refused all at once, before anything is opened. Durations are written as `+"`10s`, `5m` or `24h`"+`, sizes in bytes.

    cordon serve --config cordon.yaml

Flags beat the environment (`+"`PORT`, `DATABASE_URL`, `DATABASE_OWNER_URL`"+`), which beats the file.

`, comment(structs["Config"].Doc, nil))
	section(t, &b, structs, "Config", "The file", map[string]bool{})
	fmt.Fprintf(&b, "## An example with every key\n\nThis is [cordon.example.yaml](cordon.example.yaml).\n\n```yaml\n%s```\n", example)

	const doc = "../docs/configuration.md"
	if *update {
		if err := os.WriteFile(doc, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(doc); err != nil || string(got) != b.String() {
		t.Errorf("docs/configuration.md is not what the comments say (%v); run: go test ./app -run TestConfigurationReference -update", err)
	}
}

// titles of the sections, in the words of the file.
var titles = map[string]string{
	"DatabaseConfig": "database", "ListenConfig": "gateway and console", "MetricsConfig": "metrics", "TenantConfig": "tenants", "CRMConfig": "tenants: crm", "CoverageConfig": "tenants: coverage", "WatermarkConfig": "tenants: watermarks", "TrustConfig": "tenants: trust", "PartnersConfig": "tenants: partners",
	"cordon.Route": "tenants: routes", "cordon.Match": "tenants: routes: match", "account.Config": "accounts",
	"InspectConfig": "inspect", "CostConfig": "inspect: costs", "AlikeConfig": "inspect: alike", "LimitsConfig": "limits", "sandbox.Config": "sandbox", "ONNXConfig": "onnxruntime",
}

// section writes the table of one struct, then those of the structs in it.
func section(t *testing.T, b *strings.Builder, structs map[string]*ast.TypeSpec, name, title string, done map[string]bool) {
	spec := structs[name]
	if spec == nil {
		t.Fatalf("there is no struct %s in the sources", name)
	}
	done[name] = true
	fmt.Fprintf(b, "## %s\n\n", title)
	fields := spec.Type.(*ast.StructType).Fields.List
	keys := map[string]string{}
	for _, f := range fields {
		if key := yamlKey(f); key != "" {
			keys[f.Names[0].Name] = key
		}
	}
	if name != "Config" {
		text := comment(spec.Doc, nil)
		for field, key := range keys {
			text = regexp.MustCompile(`\b`+field+`\b`).ReplaceAllString(text, "`"+key+"`")
		}
		fmt.Fprintf(b, "%s\n\n", text)
	}
	b.WriteString("| Key | Holds | What it does |\n|---|---|---|\n")
	var inner []string
	var names, text, holds string
	flush := func() {
		if names != "" {
			fmt.Fprintf(b, "| %s | %s | %s |\n", names, holds, text)
		}
	}
	for _, f := range fields {
		key := yamlKey(f)
		if key == "" {
			continue
		}
		kind, of := typeWord(name, f.Type)
		if of != "" {
			inner = append(inner, of)
			kind += "[" + titles[of] + "](#" + anchor(titles[of]) + ")"
		}
		if f.Doc == nil { // explained together with the one above
			if names == "" {
				t.Fatalf("%s.%s has no comment", name, f.Names[0].Name)
			}
			names += ", `" + key + "`"
			continue
		}
		flush()
		names, holds, text = "`"+key+"`", kind, comment(f.Doc, keys)
	}
	flush()
	b.WriteString("\n")
	for _, of := range inner {
		if !done[of] {
			if titles[of] == "" {
				t.Errorf("the section about %s has no title", of)
			}
			section(t, b, structs, of, titles[of], done)
		}
	}
}

func yamlKey(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	return reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml")
}

// typeWord says what a field holds, and names the struct if it holds one.
func typeWord(in string, e ast.Expr) (word, of string) {
	switch e := e.(type) {
	case *ast.ArrayType:
		word, of = typeWord(in, e.Elt)
		return strings.TrimSpace("list of "+plural(word)) + spaceIf(of), of
	case *ast.SelectorExpr:
		switch full := e.X.(*ast.Ident).Name + "." + e.Sel.Name; full {
		case "time.Duration":
			return "duration", ""
		case "cordon.TenantID":
			return "text", ""
		default:
			return "", full
		}
	case *ast.Ident:
		switch e.Name {
		case "string":
			return "text", ""
		case "bool":
			return "true or false", ""
		case "int", "int64", "float64":
			return "number", ""
		}
		if pkg, _, ok := strings.Cut(in, "."); ok { // of the same package
			if full := pkg + "." + e.Name; titles[full] != "" {
				return "", full
			}
			return "word", ""
		}
		return "", e.Name
	}
	return "?", ""
}

func spaceIf(s string) string {
	if s != "" {
		return " "
	}
	return ""
}

func plural(word string) string {
	switch word {
	case "word":
		return "words"
	case "text":
		return "texts"
	}
	return word
}

func anchor(title string) string {
	return strings.ReplaceAll(strings.ReplaceAll(title, ":", ""), " ", "-")
}

var docLink = regexp.MustCompile(`\bdocs/([a-z-]+\.md)`)

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]*\b`)

// comment is a comment in one line, with the names of fields as the keys of the file.
func comment(doc *ast.CommentGroup, keys map[string]string) string {
	text := docLink.ReplaceAllString(strings.Join(strings.Fields(doc.Text()), " "), "[$1]($1)")
	if keys == nil {
		if first, rest, ok := strings.Cut(text, " is "); ok && !strings.Contains(first, " ") && rest != "" {
			text = strings.ToUpper(rest[:1]) + rest[1:]
		} else if first, rest, ok := strings.Cut(text, " "); ok && goName.MatchString(first) && strings.HasSuffix(first, "Config") {
			text = "This part " + rest
		}
		return text
	}
	text = goName.ReplaceAllStringFunc(text, func(s string) string {
		if key, ok := keys[s]; ok {
			return "`" + key + "`"
		}
		return s
	})
	return strings.ReplaceAll(text, "|", "\\|")
}
