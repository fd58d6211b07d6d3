// Package salesforce speaks Salesforce's wire language: the names of objects that carry
// files, the shapes of errors, the one reading of a path that everything is classified by,
// the two bodies a file is written with, and a Client for Cordon's own identity.
//
// It promises three things. A path has one meaning here or none: Canonical refuses what two
// servers could read differently. A body is written from parsed fields, never copied. And a
// write that failed says whether the CRM refused it (cordon.ErrRefusedUpstream), never saw it
// (cordon.ErrNotSent) or may have taken it (any other error).
//
// Shapes and limits are those of the REST API Developer Guide, "Insert or Update Blob Data":
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_insert_update_blob.htm
package salesforce

import "strings"

// DefaultVersion is the API version used where none was named.
const DefaultVersion = "64.0"

// KeyField is the custom field that carries Cordon's key for a write, where an org has it.
const KeyField = "Cordon_Key__c"

// Bytes that Salesforce accepts in one body.
const (
	MaxJSON             = 50 << 20  // text of a non-multipart body
	MaxMultipartVersion = 2 << 30   // multipart, ContentVersion
	MaxMultipartOther   = 500 << 20 // multipart, any other object
)

// SameID reports whether two record ids name one record. Ids of 15 letters are case-sensitive;
// the three letters that make 18 of them only repeat their case.
func SameID(a, b string) bool {
	return len(a) >= 15 && len(b) >= 15 && a[:15] == b[:15] || a == b
}

// LongID returns the 18-letter spelling of a record id, so that one record has one name. What
// is no id of 15 letters comes back as it is.
func LongID(id string) string {
	if len(id) != 15 || !IsID(id) {
		return id
	}
	const suffix = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	out := []byte(id)
	for block := 0; block < 15; block += 5 {
		capitals := 0
		for i := range 5 {
			if c := id[block+i]; c >= 'A' && c <= 'Z' {
				capitals |= 1 << i
			}
		}
		out = append(out, suffix[capitals])
	}
	return string(out)
}

// IsID reports whether s has the form of a record id.
func IsID(s string) bool {
	return (len(s) == 15 || len(s) == 18) && strings.Trim(s, alphanumeric) == ""
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// IsName reports whether s can be the API name of an object or a field.
func IsName(s string) bool {
	return s != "" && len(s) <= 120 && strings.Trim(s, alphanumeric+"_") == ""
}
