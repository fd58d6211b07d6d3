// Command go-clients tells what two Go clients get from an org, step by step, so that two runs
// can be compared: one with the org itself and one through a gateway.
//
//	go run . -url URL -mark TEXT
//
// It prints one JSON line a step. It is a module of its own, so that Cordon depends on neither.
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/k-capehart/go-salesforce/v3"
	"github.com/simpleforce/simpleforce"
)

var (
	url  = flag.String("url", "", "the org, or a gateway before it")
	mark = flag.String("mark", "", "part of every name that the run writes")
)

// account is named as the org names things: the clients read the names of fields, not tags.
type account struct {
	Id             string `json:",omitempty"`
	Name           string `json:",omitempty"`
	Phone          string `json:",omitempty"`
	External_Id__c string `json:",omitempty"`
}

type file struct{ Title, PathOnClient, VersionData string }

func step(name string, act func() (any, error)) {
	detail, err := act()
	if err != nil {
		detail = err.Error()
	}
	out, failed := json.Marshal(map[string]any{"step": name, "ok": err == nil, "detail": detail})
	if failed != nil {
		log.Fatal(failed)
	}
	fmt.Println(string(out))
}

func text(name string) string {
	return base64.StdEncoding.EncodeToString([]byte(*mark + " " + name))
}

func main() {
	flag.Parse()
	log.SetOutput(io.Discard) // simpleforce tells of every request
	dir, err := os.MkdirTemp("", "go-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	capehart("plain", dir, false)
	capehart("compressed", dir, true)
	simple(dir)
}

// capehart uses k-capehart/go-salesforce. With compression it announces gzip of requests that
// have no body, too.
func capehart(kind, dir string, compressed bool) {
	name := func(s string) string { return "go-salesforce " + kind + ": " + s }
	key := *mark + " " + kind
	var c *salesforce.Salesforce
	step(name("sign in"), func() (any, error) {
		var err error
		c, err = salesforce.Init(salesforce.Creds{Domain: *url, ConsumerKey: "demo", ConsumerSecret: "demo"}, salesforce.WithCompressionHeaders(compressed))
		if err != nil {
			return nil, err
		}
		return c.GetInstanceUrl(), nil
	})
	if c == nil {
		return
	}
	var id, version string
	step(name("create"), func() (any, error) {
		r, err := c.InsertOne("Account", account{Name: key, External_Id__c: key})
		id = r.Id
		return r.Success, err
	})
	step(name("update"), func() (any, error) { return nil, c.UpdateOne("Account", map[string]any{"Id": id, "Phone": "1"}) })
	step(name("upsert"), func() (any, error) {
		r, err := c.UpsertOne("Account", "External_Id__c", account{External_Id__c: key, Name: key + " again"})
		return r.Success, err
	})
	step(name("query"), func() (any, error) {
		var rows []account
		err := c.Query("SELECT Name, Phone FROM Account WHERE External_Id__c = '"+key+"'", &rows)
		return rows, err
	})
	step(name("bad query"), func() (any, error) {
		var rows []account
		return nil, c.Query("SELECT Nonsense FROM Account", &rows)
	})
	step(name("collection"), func() (any, error) {
		r, err := c.InsertCollection("Account", []account{{Name: key + " 1"}, {}}, 200)
		return []any{len(r.Results), r.HasSalesforceErrors}, err
	})
	step(name("collections in composite"), func() (any, error) {
		r, err := c.InsertComposite("Account", []account{{Name: key + " 2"}, {Name: key + " 3"}}, 1, true)
		return []any{len(r.Results), r.HasSalesforceErrors}, err
	})
	step(name("file"), func() (any, error) {
		r, err := c.InsertOne("ContentVersion", file{key, "a.txt", text(kind)})
		version = r.Id
		return r.Success, err
	})
	step(name("bytes of the file"), func() (any, error) {
		r, err := c.DoRequest(http.MethodGet, "/sobjects/ContentVersion/"+version+"/VersionData", nil)
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return string(b), err
	})
	step(name("bulk insert"), func() (any, error) {
		jobs, err := c.InsertBulk("Account", []account{{Name: key + " bulk"}}, 1000, true)
		if err != nil {
			return nil, err
		}
		j, err := c.GetJobResults(jobs[0])
		return []any{j.State, j.NumberRecordsFailed, len(j.SuccessfulRecords)}, err
	})
	step(name("bulk query"), func() (any, error) {
		out := filepath.Join(dir, kind+".csv")
		if err := c.QueryBulkExport("SELECT Name FROM Account WHERE Name = '"+key+" bulk'", out); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(out)
		return string(b), err
	})
	step(name("bulk file"), func() (any, error) {
		jobs, err := c.InsertBulk("ContentVersion", []file{{key, "b.txt", text(kind + " bulk")}}, 1000, true)
		return len(jobs), err
	})
	step(name("delete"), func() (any, error) { return nil, c.DeleteOne("Account", account{Id: id}) })
}

// simple uses simpleforce, which signs in by SOAP.
func simple(dir string) {
	name := func(s string) string { return "simpleforce: " + s }
	c := simpleforce.NewClient(*url, "demo", "64.0")
	made := func(o *simpleforce.SObject) (string, error) {
		if o == nil {
			return "", errors.New("nothing came back")
		}
		return o.ID(), nil
	}
	var id, version string
	step(name("sign in"), func() (any, error) { return c.GetLoc(), c.LoginPassword("demo@example.com", "demo", "") })
	step(name("create"), func() (any, error) {
		var err error
		id, err = made(c.SObject("Account").Set("Name", *mark+" simple").Create())
		return id != "", err
	})
	step(name("read"), func() (any, error) { return c.SObject("Account").Get(id).StringField("Name"), nil })
	step(name("update"), func() (any, error) { return c.SObject("Account").Set("Id", id).Set("Phone", "1").Update() != nil, nil })
	step(name("query"), func() (any, error) {
		r, err := c.Query("SELECT Name, Phone FROM Account WHERE Name = '" + *mark + " simple'")
		if err != nil {
			return nil, err
		}
		return []any{r.TotalSize, r.Records[0].StringField("Phone")}, nil
	})
	step(name("file"), func() (any, error) {
		var err error
		version, err = made(c.SObject("ContentVersion").Set("Title", *mark).Set("PathOnClient", "a.txt").Set("VersionData", text("simple")).Create())
		return version != "", err
	})
	step(name("download"), func() (any, error) {
		out := filepath.Join(dir, "down.txt")
		if err := c.DownloadFile(version, out); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(out)
		return string(b), err
	})
	step(name("describe"), func() (any, error) {
		m := c.SObject("Account").Describe()
		if m == nil {
			return nil, errors.New("nothing came back")
		}
		return (*m)["name"], nil
	})
	step(name("delete"), func() (any, error) { return nil, c.SObject("Account").Set("Id", id).Delete() })
}
