// Package account knows who may use the console and the API.
//
// Accounts come from configuration, their secrets from files. Passwords are kept as Argon2id
// hashes and tokens as SHA-256, both in memory only; neither is ever printed. Guessing is slowed
// down per login and address, and an unknown login costs as much time as a known one.
package account

import (
	"slices"

	"github.com/cordonhq/cordon"
)

// Role is a set of permissions that an account may be given.
type Role string

// Roles.
const (
	Reviewer    Role = "reviewer"    // looks at held items and decides
	Responder   Role = "responder"   // is on call; sees what waits, without deciding
	Auditor     Role = "auditor"     // reads everything that names no person
	Admin       Role = "admin"       // keeps Cordon running; no say over items
	Integration Role = "integration" // a program that asks for verdicts
	Reporter    Role = "reporter"    // a program that reports files of the CRM
)

// Permission is one thing an account may do.
type Permission string

// Permissions.
const (
	Read     Permission = "read"     // items, routes, counts and history of the tenant
	ReadOwn  Permission = "read-own" // items that this very account handed in
	Personal Permission = "personal" // what may point to a person: names, records, addresses
	Preview  Permission = "preview"  // the freshly encoded preview
	Decide   Permission = "decide"   // release and keep out
	Ask      Permission = "ask"      // hand in content for a verdict
	Ledger   Permission = "ledger"   // checkpoints and proofs
	Report   Permission = "report"   // have a file or a record of the CRM looked at, and see what came of it
	Lists    Permission = "lists"    // put files on the lists of known files, and take them off
)

// grants is the whole table of who may do what.
var grants = map[Role][]Permission{
	Reviewer:    {Read, Personal, Preview, Decide, Ledger, Lists, Report},
	Responder:   {Read, Preview, Ledger, Report},
	Auditor:     {Read, Ledger},
	Admin:       {Read, Ledger, Lists},
	Integration: {Ask, ReadOwn, Ledger},
	Reporter:    {Report},
}

// Roles returns every role, in a fixed order.
func Roles() []Role { return []Role{Reviewer, Responder, Auditor, Admin, Integration, Reporter} }

// Account is somebody or some program that may use Cordon.
type Account struct {
	Login  string
	Tenant cordon.TenantID
	Roles  []Role
}

// May reports whether any of the account's roles grants the permission.
func (a Account) May(p Permission) bool {
	return slices.ContainsFunc(a.Roles, func(r Role) bool { return slices.Contains(grants[r], p) })
}

// Kind says whether the account stands for a program or for a person.
func (a Account) Kind() cordon.ActorKind {
	program := func(r Role) bool { return r == Integration || r == Reporter }
	if slices.ContainsFunc(a.Roles, func(r Role) bool { return !program(r) }) {
		return cordon.Person
	}
	return cordon.Client
}
