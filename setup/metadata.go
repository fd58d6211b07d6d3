package setup

import (
	"bytes"
	"text/template"

	"github.com/cordonhq/cordon/salesforce"
)

// project lets the sf command deploy the folder as it is.
func project() []byte {
	return []byte(`{
  "packageDirectories": [{ "path": "cordon", "default": true }],
  "name": "cordon",
  "namespace": "",
  "sourceApiVersion": "` + salesforce.DefaultVersion + `"
}
`)
}

// permissionSet is what Cordon's user needs and no more. ContentVersion and Attachment have no
// object permissions in a permission set: files follow Query All Files and sharing, attachments
// follow the record they hang on.
func (a Answers) permissionSet() []byte {
	var b bytes.Buffer
	if err := permissionSetText.Execute(&b, a); err != nil {
		panic(err) // the template and its data are ours
	}
	return b.Bytes()
}

var permissionSetText = template.Must(template.New("").Parse(`<?xml version="1.0" encoding="UTF-8"?>
<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">
    <!-- Written by "cordon init". What Cordon's own user may do, and why. Grant it nothing else:
         a profile with API access only, and this. -->
    <description>{{if eq .Access "write"}}Cordon reads every file, and writes what a person has released.{{else}}Cordon reads every file and changes nothing.{{end}}</description>
{{- if eq .Access "write"}}
    <!-- The key that makes a write findable when its answer was lost. -->
    <fieldPermissions>
        <editable>true</editable>
        <field>ContentVersion.Cordon_Key__c</field>
        <readable>true</readable>
    </fieldPermissions>
{{- end}}
    <!-- It is in force for API sessions as soon as it is assigned; there is nobody to activate it. -->
    <hasActivationRequired>false</hasActivationRequired>
    <label>Cordon</label>
{{- if eq .Access "write"}}
    <!-- An attachment or file is put on a case only by somebody who may edit the case. Repeat
         this block for each further object that files hang on, and delete it if none does. -->
    <objectPermissions>
        <allowCreate>false</allowCreate>
        <allowDelete>false</allowDelete>
        <allowEdit>true</allowEdit>
        <allowRead>true</allowRead>
        <modifyAllRecords>false</modifyAllRecords>
        <object>Case</object>
        <viewAllRecords>true</viewAllRecords>
    </objectPermissions>
    <!-- A document that a person has released is created, or its body replaced. -->
    <objectPermissions>
        <allowCreate>true</allowCreate>
        <allowDelete>false</allowDelete>
        <allowEdit>true</allowEdit>
        <allowRead>true</allowRead>
        <modifyAllRecords>false</modifyAllRecords>
        <object>Document</object>
        <viewAllRecords>false</viewAllRecords>
    </objectPermissions>
{{- end}}
    <!-- Every call of Cordon's is an API call. -->
    <userPermissions>
        <enabled>true</enabled>
        <name>ApiEnabled</name>
    </userPermissions>
    <!-- Lists and reads every file, also those in libraries that Cordon is no member of. It neither
         changes nor deletes any. Without it, files that are not shared with Cordon are in no count. -->
    <userPermissions>
        <enabled>true</enabled>
        <name>QueryAllFiles</name>
    </userPermissions>
    <!-- Query All Files cannot be granted without it, and attachments are read with the records
         they hang on. It reads; it changes nothing. -->
    <userPermissions>
        <enabled>true</enabled>
        <name>ViewAllData</name>
    </userPermissions>
    <!-- Asks for the API calls and the storage that are left, so that Cordon keeps to its share. -->
    <userPermissions>
        <enabled>true</enabled>
        <name>ViewSetup</name>
    </userPermissions>
</PermissionSet>
`))

// keyField is the field that carries Cordon's key for a write.
func keyField() []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <!-- Written by "cordon init". A write carries a key of Cordon's, so that one whose answer was
         lost is found again for certain instead of being repeated. -->
    <fullName>` + salesforce.KeyField + `</fullName>
    <caseSensitive>true</caseSensitive>
    <description>Key of a write by Cordon. It names no person.</description>
    <externalId>true</externalId>
    <label>Cordon Key</label>
    <length>64</length>
    <required>false</required>
    <type>Text</type>
    <unique>true</unique>
</CustomField>
`)
}
