package salesforce

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

const (
	docID  = "0695g000004QwErAAK"
	verID  = "0685g00000XyZ12AAF"
	attID  = "00P5g00000XyZ12EAF"
	caseID = "5005g00000XyZ12AAF"
	picID  = "0EM5g000000AbCdGAK"
)

// What people and tools paste, and what it names.
var pasted = map[string][]string{
	docID:                {docID},
	docID[:15]:           {docID},
	"  <" + docID + "> ": {docID},
	"https://acme.lightning.force.com/lightning/r/ContentDocument/" + docID + "/view":                                                                      {docID},
	"https://acme.lightning.force.com/lightning/r/" + docID + "/view":                                                                                      {docID},
	"https://acme.lightning.force.com/lightning/r/Case/" + caseID + "/view?ws=%2Flightning%2Fr%2F" + docID + "%2Fview":                                     {caseID},
	"https://acme.lightning.force.com/lightning/r/Case/" + caseID + "/related/CombinedAttachments/view":                                                    {caseID},
	"https://acme.lightning.force.com/one/one.app#/sObject/" + docID + "/view":                                                                             {docID},
	"https://acme.file.force.com/sfc/servlet.shepherd/version/download/" + verID + "?asPdf=false":                                                          {verID},
	"https://acme.my.salesforce.com/sfc/servlet.shepherd/document/download/" + docID + "?operationContext=S1":                                              {docID},
	"https://acme.file.force.com/sfc/servlet.shepherd/document/download/" + docID + "/" + verID:                                                            {docID, verID},
	"https://acme.file.force.com/sfc/servlet.shepherd/version/renditionDownload?rendition=THUMB720BY480&versionId=" + verID + "&contentId=05T5g00000AbCdE": {verID},
	"https://acme.file.force.com/sfc/dist/version/download/?oid=00D5g000000AbCd&ids=" + verID + "&d=%2Fa%2F5g0&operationContext=DELIVERY":                  {verID},
	"https://acme.my.salesforce.com/" + docID[:15]:                                                                                                         {docID},
	"acme.my.salesforce.com/" + attID:                                                                                {attID},
	"https://acme.my.salesforce.com/servlet/servlet.FileDownload?file=" + attID:                                      {attID},
	"https://acme.my.salesforce.com/servlet/servlet.ImageServer?id=" + "0155g00000XyZ12AAF&oid=00D5g000000AbCd":      {"0155g00000XyZ12AAF"},
	"https://acme.file.force.com/servlet/rtaImage?eid=" + caseID + "&feoid=00N5g000000AbCd&refid=" + picID:           {caseID},
	"https://acme.my.site.com/portal/s/contentdocument/" + docID:                                                     {docID},
	"https://portal.acme.example/s/case/" + caseID + "/wound-photo":                                                  {caseID},
	"https://acme.my.site.com/sfsites/c/sfc/servlet.shepherd/version/download/" + verID:                              {verID},
	"https://acme.my.salesforce.com/services/data/v64.0/sobjects/ContentVersion/" + verID + "/VersionData":           {verID},
	"https://acme.my.salesforce.com/services/data/v64.0/connect/communities/0DB5g000000AbCdGAK/files/" + docID:       {docID},
	"https://acme.my.salesforce.com/services/data/v64.0/sobjects/Case/" + caseID + "/richTextImageFields/N/" + picID: {caseID},
	"https://acme--c.vf.force.com/apex/Viewer?id=" + caseID:                                                          {caseID},
}

func TestLinks(t *testing.T) {
	for text, want := range pasted {
		l, err := ReadLink(text)
		if err != nil || !slices.Equal(l.IDs, want) {
			t.Errorf("%s names %v, %v; want %v", text, l.IDs, err, want)
		}
		if strings.Contains(text, picID) != (l.Picture == picID) {
			t.Errorf("%s names the picture %q", text, l.Picture)
		}
		if (strings.ContainsAny(text, "./")) != (l.Host != "") {
			t.Errorf("%s is at %q", text, l.Host)
		}
	}
}

func TestPublicLinks(t *testing.T) {
	const kept = "https://acme.my.salesforce.com/sfc/p/5g000000AbCd/a/5g0000012345/abc.DEF_9"
	for _, text := range []string{kept, strings.Replace(kept, "/p/", "/p/#", 1), kept + "/"} {
		l, err := ReadLink(text)
		if err != nil || !l.SamePublicLink(kept) || len(l.IDs) > 0 {
			t.Errorf("%s: %+v, %v", text, l, err)
		}
		if l.SamePublicLink(kept+"x") || l.SamePublicLink("https://acme.my.salesforce.com/sfc/p/") || (Link{}).SamePublicLink(kept) {
			t.Errorf("%s is taken for another", text)
		}
	}
}

func TestNoLinks(t *testing.T) {
	for _, text := range []string{
		"", " ", "the photo of the wound", "ContentDocument", "0695g000004QwErAAL", strings.ToLower(docID), docID + "\n" + verID,
		"https://acme.lightning.force.com/lightning/page/home", "https://acme.my.salesforce.com/sfc/p/", "https://acme.my.salesforce.com",
		"javascript:alert(1)", "file:///etc/passwd", "ftp://acme.my.salesforce.com/" + docID, "//" + docID, "https:///" + docID,
		"https://acme.my.salesforce.com@evil.example/" + docID, "https://acme.my.salesforce.com\\@evil.example/" + docID,
		"https://acme.my.salesforce.com/%252e%252e/" + docID, "https://acme.my.salesforce.com/../../" + docID,
		"https://acme.my.salesforce.com/" + docID + "\x00", "https://acme.my.salesforce.com/" + strings.Repeat("a/", MaxLink),
		"https://acme.my.salesforce.com/?id=" + strings.Repeat("0", 15) + "'%20OR%20Id%20!=%20'",
	} {
		if l, err := ReadLink(text); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%.80q names %+v, %v", text, l, err)
		}
	}
	var many strings.Builder
	for i := range MaxLinkIDs + 1 {
		many.WriteString("/0685g00000Xy" + string(rune('A'+i)) + "12")
	}
	if _, err := ReadLink("https://acme.my.salesforce.com" + many.String()); !errors.Is(err, cordon.ErrInvalid) {
		t.Errorf("a link to %d records: %v", MaxLinkIDs+1, err)
	}
}

func TestHostsOfAnOrg(t *testing.T) {
	for own, hosts := range map[string]map[string]bool{
		"acme.my.salesforce.com": {
			"acme.my.salesforce.com": true, "ACME.lightning.force.com": true, "acme.file.force.com": true, "acme.my.site.com": true,
			"acme--c.vf.force.com": true, "acme--c.eu5.visual.force.com": true, "acme.my.salesforce.com:443": true,
			"acme--uat.sandbox.my.salesforce.com": false, "acme.sandbox.lightning.force.com": false, "acme2.my.salesforce.com": false,
			"evil.my.salesforce.com": false, "acme.my.salesforce.com.evil.example": false, "acme.lightning.force.com.": false,
			"evil.acme.my.salesforce.com": false, "lightning.force.com": false, "": false,
		},
		"acme--uat.sandbox.my.salesforce.com": {
			"acme--uat.sandbox.lightning.force.com": true, "acme--uat--c.sandbox.vf.force.com": true,
			"acme.lightning.force.com": false, "acme--dev.sandbox.lightning.force.com": false,
		},
		"127.0.0.1:8090": {"127.0.0.1:8090": true, "127.0.0.1:8091": false, "127.0.0.1": false},
	} {
		for host, want := range hosts {
			if got := IsOrgHost(own, host); got != want {
				t.Errorf("%s a host of %s: %v", host, own, got)
			}
		}
	}
}

func FuzzReadLink(f *testing.F) {
	for text := range pasted {
		f.Add(text)
	}
	for _, text := range []string{"https://a.my.salesforce.com/sfc/p/#x/a/y/z", "https://[::1]:8080/" + docID, "http://a/%2f" + docID, "a.b/?ids=" + docID + "," + verID} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ReadLink(text)
		if err != nil {
			if !errors.Is(err, cordon.ErrInvalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(l.IDs) == 0 == (l.Public == "") || len(l.IDs) > MaxLinkIDs {
			t.Errorf("%q names %+v", text, l)
		}
		for _, id := range append(slices.Clone(l.IDs), l.Picture) {
			if id == "" && l.Picture == "" {
				continue
			}
			if len(id) != 18 || !IsID(id) || LongID(id[:15]) != id {
				t.Errorf("%q names %q", text, id) // what is not only letters and digits must not reach a query
			}
		}
	})
}
