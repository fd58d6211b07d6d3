package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// object is what Cordon does with one object of the org.
type object struct {
	name   string
	read   []string // fields that it reads
	create []string // fields that it sets when it delivers a release; none: it never creates
	update []string
	needed bool   // to observe at all
	use    string // what it is read for
}

var objects = []object{
	{name: "ContentVersion", needed: true, use: "files and their versions",
		read:   []string{"VersionData", "ContentDocumentId", "Title", "PathOnClient", "ContentSize", "CreatedById", "CreatedDate", "SystemModstamp"},
		create: []string{"VersionData", "PathOnClient", "Title", "FirstPublishLocationId"}},
	{name: "ContentDocument", needed: true, use: "files as one thing over their versions", read: []string{"Title", "LatestPublishedVersionId", "OwnerId"}},
	{name: "ContentDocumentLink", needed: true, use: "the records that a file belongs to", read: []string{"ContentDocumentId", "LinkedEntityId"}},
	{name: "Attachment", needed: true, use: "attachments of records and e-mails",
		read:   []string{"Body", "ParentId", "Name", "BodyLength", "CreatedById", "CreatedDate", "SystemModstamp"},
		create: []string{"Body", "ParentId", "Name"}, update: []string{"Body"}},
	{name: "Document", use: "documents in folders",
		read:   []string{"Body", "Name", "BodyLength", "CreatedById", "CreatedDate", "SystemModstamp"},
		create: []string{"Body", "Name", "FolderId"}, update: []string{"Body"}},
	{name: "Case", use: "the channel that a file came by", read: []string{"Origin", "CreatedDate"}},
	{name: "EmailMessage", use: "attachments that came by e-mail", read: []string{"ParentId", "Incoming", "MessageDate"}},
	{name: "User", use: "who uploaded a file", read: []string{"Username", "IsActive"}},
}

// objects says of each object whether Cordon can read it, and of those it delivers to, whether
// it can write them.
func (v visit) objects(ctx context.Context) {
	var checks []string
	for _, o := range objects {
		checks = append(checks, "read "+o.name)
		if o.create != nil {
			checks = append(checks, "write "+o.name)
		}
	}
	if v.out(checks...) {
		return
	}
	for _, o := range objects {
		d, err := v.client.Describe(ctx, o.name)
		call := "GET /sobjects/" + o.name + "/describe"
		v.add(o.readLine(d, err, call))
		if o.create != nil {
			v.add(o.writeLine(d, err, call, v.org.Inline))
		}
	}
}

func (o object) readLine(d salesforce.Description, err error, call string) Line {
	l := Line{Check: "read " + o.name, Needed: o.needed}
	lacks := absent(d, o.read, func(salesforce.FieldDescription) bool { return true })
	switch {
	case errors.Is(err, cordon.ErrNotFound):
		l.State, l.Says, l.Evidence = Missing, "the org shows no "+o.name+" to Cordon: "+o.use+" stay unseen", call+": 404"
		l.Do = grantRead(o.name)
	case err != nil:
		l.State, l.Says, l.Evidence = Unknown, "whether Cordon can read "+o.name, call+": "+err.Error()
		l.Do = "Run cordon doctor again when the org answers."
	case !d.Queryable:
		l.State, l.Says, l.Evidence = Missing, "Cordon may not query "+o.name+": "+o.use+" stay unseen", call+": queryable=false"
		l.Do = grantRead(o.name)
	case len(lacks) > 0:
		l.State, l.Says, l.Evidence = Missing, "fields of "+o.name+" are hidden from Cordon", call+": not there: "+strings.Join(lacks, ", ")
		l.Do = "Grant read access to these fields in the permission set that \"cordon init\" writes."
	default:
		l.State, l.Says, l.Evidence = OK, o.use, fmt.Sprintf("%s: queryable=true, all of %s", call, strings.Join(o.read, ", "))
	}
	return l
}

func (o object) writeLine(d salesforce.Description, err error, call string, needed bool) Line {
	l := Line{Check: "write " + o.name, Needed: needed && o.needed}
	lacks := absent(d, o.create, func(f salesforce.FieldDescription) bool { return f.Createable })
	lacks = append(lacks, absent(d, o.update, func(f salesforce.FieldDescription) bool { return f.Updateable })...)
	slices.Sort(lacks)
	lacks = slices.Compact(lacks)
	may := d.Createable && (o.update == nil || d.Updateable)
	evidence := fmt.Sprintf("%s: createable=%v updateable=%v", call, d.Createable, d.Updateable)
	switch {
	case err != nil && !errors.Is(err, cordon.ErrNotFound):
		l.State, l.Says, l.Evidence = Unknown, "whether Cordon can write "+o.name, call+": "+err.Error()
		l.Do = "Run cordon doctor again when the org answers."
	case err != nil || !may || len(lacks) > 0:
		l.State, l.Says, l.Evidence = Missing, "Cordon cannot write "+o.name+": what a person releases there could not be delivered", evidence
		if err != nil {
			l.Evidence = call + ": 404"
		}
		if len(lacks) > 0 && may {
			l.Evidence += ", not writable: " + strings.Join(lacks, ", ")
		}
		l.Do = "Not needed while Cordon only looks. Before a route goes in front of the CRM, deploy the permission set of \"cordon init --access write\"."
		if needed {
			l.Do = "Deploy the permission set of \"cordon init --access write\"; attachments also need edit access to the records they hang on."
		}
	default:
		l.State, l.Says, l.Evidence = OK, "releases can be delivered, as far as the object's own rights say", evidence
	}
	return l
}

func absent(d salesforce.Description, fields []string, fine func(salesforce.FieldDescription) bool) (lacks []string) {
	for _, name := range fields {
		if f, has := d.Field(name); !has || !fine(f) {
			lacks = append(lacks, name)
		}
	}
	return lacks
}

func grantRead(object string) string {
	return "Deploy and assign the permission set that \"cordon init\" writes, or grant read on " + object + "; some orgs have switched the object off."
}

// keyField says whether a write carries Cordon's key.
func (v visit) keyField(ctx context.Context) {
	if v.out("package") {
		return
	}
	var with, without []string
	for _, name := range []string{"ContentVersion", "Attachment", "Document"} {
		d, err := v.client.Describe(ctx, name)
		if err != nil {
			continue
		}
		if _, has := d.Field(salesforce.KeyField); has {
			with = append(with, name)
		} else {
			without = append(without, name)
		}
	}
	evidence := fmt.Sprintf("describe: %s on [%s], not on [%s]", salesforce.KeyField, strings.Join(with, ", "), strings.Join(without, ", "))
	switch {
	case len(with)+len(without) == 0:
		v.add(Line{Check: "package", State: Unknown, Says: "whether the org has the field " + salesforce.KeyField, Evidence: "describe of ContentVersion, Attachment and Document: no answer", Do: "Run cordon doctor again when the org answers."})
	case slices.Contains(with, "ContentVersion"):
		v.add(Line{Check: "package", State: OK, Says: "writes carry Cordon's key, so one whose answer was lost is found again for certain", Evidence: evidence})
	default:
		v.add(Line{Check: "package", State: Missing, Says: "no field for Cordon's key: a write whose answer was lost is looked for by name, size and digest, and a person is asked where that is not certain", Evidence: evidence,
			Do: "Deploy the field that \"cordon init --access write\" writes beside the permission set."})
	}
}
