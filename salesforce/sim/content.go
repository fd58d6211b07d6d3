package sim

import (
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Sizes the platform accepts.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_insert_update_blob.htm
const (
	maxContentVersion = 2 << 30   // bytes of a file sent as multipart
	maxOther          = 500 << 20 // bytes of any other blob sent as multipart
	maxInline         = 50 << 20  // a body that is not multipart; three quarters of it when base64
	maxBulk           = 150 << 20 // CSV of one bulk job
)

func largest(e *entity) int64 {
	if e.name == "ContentVersion" {
		return maxContentVersion
	}
	return maxOther
}

func tooLarge(e *entity, f *field) *fault {
	return newFault(http.StatusBadRequest, "FILE_SIZE_LIMIT_EXCEEDED", "%s: file exceeds the maximum size of %d bytes", f.label, largest(e)).on(f.name)
}

// fileTypes names the extensions that FileType does not spell in capitals as they are.
var fileTypes = map[string]string{"docx": "WORD_X", "doc": "WORD", "xlsx": "EXCEL_X", "xls": "EXCEL", "pptx": "POWER_POINT_X",
	"ppt": "POWER_POINT", "txt": "TEXT", "jpeg": "JPG", "htm": "HTML", "": "UNKNOWN"}

func fileType(extension string) string {
	if t, known := fileTypes[strings.ToLower(extension)]; known {
		return t
	}
	return strings.ToUpper(extension)
}

// publishVersion makes a ContentVersion that is about to be put part of a document: a
// new one with its links, or the next version of the one it names.
func (t *tx) publishVersion(v *record) error {
	extension := strings.TrimPrefix(path.Ext(v.text("PathOnClient")), ".")
	if v.values["Title"] == nil {
		base := path.Base(strings.ReplaceAll(v.text("PathOnClient"), `\`, "/"))
		v.values["Title"] = strings.TrimSuffix(base, path.Ext(base))
	}
	v.values["PublishStatus"] = "P"
	v.values["ContentModifiedDate"], v.values["ContentModifiedById"] = timestamp(t.now), t.who.id
	v.values["FileExtension"], v.values["FileType"] = orNil(extension), fileType(extension)
	if b, is := v.values["VersionData"].(*blob); is {
		v.values["ContentSize"] = float64(b.size)
		if b.made == nil || b.size <= lazily {
			v.values["Checksum"] = hex.EncodeToString(b.md5[:])
		}
	} else {
		v.values["FileType"], v.values["FileExtension"], v.values["ContentSize"] = "LINK", nil, float64(0)
		v.values["ContentLocation"] = "L"
	}
	v.values["IsLatest"] = true

	if id := v.text("ContentDocumentId"); id != "" {
		doc := t.live(id) // checkReferences saw it
		if !t.mayEdit(doc) {
			return noAccess()
		}
		n := 1
		for other := range t.o.tables[v.e].where("ContentDocumentId", id) {
			n++
			if other.values["IsLatest"] == true {
				values := other.clone()
				values["IsLatest"] = false
				t.set(other, values)
			}
		}
		v.values["VersionNumber"] = strconv.Itoa(n)
		v.values["OwnerId"] = doc.values["OwnerId"]
		t.edit(doc, t.documentOf(v))
		return nil
	}

	v.values["VersionNumber"] = "1"
	e := t.o.schema.entity("ContentDocument")
	doc := &record{e: e, id: t.o.nextID(e.prefix), values: t.documentOf(v)}
	t.stamp(doc)
	doc.values["OwnerId"] = v.values["OwnerId"]
	doc.values["IsArchived"] = false
	v.values["ContentDocumentId"] = doc.id
	t.put(doc)

	t.link(doc.id, v.text("OwnerId"), "I", "AllUsers")
	if at := v.text("FirstPublishLocationId"); at == "" {
		v.values["FirstPublishLocationId"] = v.values["OwnerId"]
	} else if at != v.text("OwnerId") {
		t.link(doc.id, at, "V", t.visibility())
	}
	return nil
}

// documentOf is what a document shows of its latest version.
func (t *tx) documentOf(v *record) map[string]any {
	values := map[string]any{"LatestPublishedVersionId": v.id}
	for _, name := range []string{"Title", "Description", "PublishStatus", "FileType", "FileExtension", "ContentSize",
		"ContentModifiedDate", "SharingOption", "SharingPrivacy"} {
		values[name] = v.values[name]
	}
	return values
}

// visibility is who sees a file at a record unless its link says so: where there is a
// community, its members do not.
// https://help.salesforce.com/s/articleView?id=000384243
func (t *tx) visibility() string {
	for _, r := range t.o.tables[t.o.schema.entity("Network")].all() {
		if r.text("Status") == "Live" {
			return "InternalUsers"
		}
	}
	return "AllUsers"
}

func (t *tx) link(document, entity, share, visibility string) {
	e := t.o.schema.entity("ContentDocumentLink")
	l := &record{e: e, id: t.o.nextID(e.prefix), values: map[string]any{"ContentDocumentId": document,
		"LinkedEntityId": entity, "ShareType": share, "Visibility": visibility}}
	t.stamp(l)
	t.put(l)
}

var mirrored = []string{"Title", "Description", "SharingOption", "SharingPrivacy", "OwnerId"}

// mirrorVersion carries a change of the latest version over to its document.
func (t *tx) mirrorVersion(v *record, change map[string]any) {
	if v.values["IsLatest"] == true {
		t.mirror(t.live(v.text("ContentDocumentId")), change)
	}
}

// mirrorDocument carries a change of the document over to its latest version.
func (t *tx) mirrorDocument(doc *record, change map[string]any) {
	t.mirror(t.live(doc.text("LatestPublishedVersionId")), change)
}

func (t *tx) mirror(to *record, change map[string]any) {
	same := map[string]any{}
	for _, name := range mirrored {
		if v, has := change[name]; has {
			same[name] = v
		}
	}
	if to != nil && len(same) > 0 {
		t.edit(to, same)
	}
}
