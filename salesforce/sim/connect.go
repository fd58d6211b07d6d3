package sim

import (
	"net/http"
	"path"
	"strings"
)

// connect answers the file resources of Connect REST, which Chatter's clients use:
// POST files/users/me, GET files/ID and files/ID/content, and users/me.
func (c *call) connect() (*answer, error) {
	switch {
	case c.at(1) == "users" && c.at(2) == "me" && len(c.path) == 3:
		if err := c.allow("GET"); err != nil {
			return nil, err
		}
		return ok(object{{"id", c.who.id}, {"username", c.who.Username}, {"email", c.who.Username}, {"isActive", true},
			{"displayName", strings.TrimSpace(c.who.FirstName + " " + c.who.LastName)}, {"type", "User"}}), nil
	case c.at(1) == "files" && c.at(2) == "users" && len(c.path) == 4:
		if err := c.allow("POST"); err != nil {
			return nil, err
		}
		return c.connectUpload()
	case c.at(1) == "files" && (len(c.path) == 3 || len(c.path) == 4 && c.at(3) == "content"):
		if err := c.allow("GET"); err != nil {
			return nil, err
		}
		id, _ := parseID(c.path[2])
		doc := c.live(id)
		if doc == nil || doc.e.name != "ContentDocument" || !c.mayRead(doc) {
			return nil, notFound()
		}
		if len(c.path) == 3 {
			return ok(c.connectFile(doc)), nil
		}
		return c.partOf(c.o.schema.entity("ContentVersion"), doc.text("LatestPublishedVersionId"), []string{"VersionData"})
	}
	return nil, notFound()
}

func (c *call) connectUpload() (*answer, error) {
	if id, _ := parseID(c.path[3]); c.at(3) != "me" && id != c.who.id {
		return nil, noAccess()
	}
	b := c.body.parts["fileData"]
	in, err := c.body.object()
	if err != nil || b == nil {
		return nil, newFault(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", "the file must come as a binary part named fileData")
	}
	title, _ := in["title"].(string)
	if title == "" {
		title = b.name
	}
	name := b.name
	if name == "" {
		name = title
	}
	values := map[string]any{"Title": strings.TrimSuffix(title, path.Ext(title)), "PathOnClient": name, "VersionData": b, "Origin": "H"}
	if desc, _ := in["desc"].(string); desc != "" {
		values["Description"] = desc
	}
	id, err := c.create(c.o.schema.entity("ContentVersion"), values)
	if err != nil {
		return nil, err
	}
	doc := c.live(c.find(id).text("ContentDocumentId"))
	return &answer{status: http.StatusCreated, body: c.connectFile(doc)}, nil
}

func (c *call) connectFile(doc *record) object {
	version := c.live(doc.text("LatestPublishedVersionId"))
	f := func(r *record, name string) any { return c.render(r, r.e.field(name)) }
	return object{{"id", doc.id}, {"title", f(doc, "Title")}, {"name", f(doc, "Title")}, {"description", f(doc, "Description")},
		{"contentSize", f(doc, "ContentSize")}, {"fileExtension", f(doc, "FileExtension")}, {"fileType", f(doc, "FileType")},
		{"checksum", f(version, "Checksum")}, {"versionNumber", f(version, "VersionNumber")}, {"contentModifiedDate", f(doc, "ContentModifiedDate")},
		{"createdDate", f(doc, "CreatedDate")}, {"modifiedDate", f(doc, "LastModifiedDate")}, {"origin", "Chatter"}, {"isInMyFileSync", false},
		{"owner", object{{"id", doc.text("OwnerId")}, {"type", "User"}}}, {"type", "File"}, {"url", c.base() + "/connect/files/" + doc.id},
		{"downloadUrl", c.base() + "/connect/files/" + doc.id + "/content?versionNumber=" + version.text("VersionNumber")}}
}
