package app

import "github.com/cordonhq/cordon/desk"

// notInspected lists the ways in that can carry media and that this release does not look
// into. Requests there pass when they provably carry none; anything else gets the route's
// declared answer and is counted.
func notInspected() []desk.Path {
	return []desk.Path{
		{Pattern: "/services/data/v*/composite/**", Carries: "files in records inside a request (composite, batch, graph, tree, collections)"},
		{Pattern: "/services/data/v*/jobs/ingest/**", Carries: "files as base64 columns of a Bulk API 2.0 job"},
		{Pattern: "/services/async/**", Carries: "files in batches of a Bulk API 1.0 job"},
		{Pattern: "/services/Soap/**", Carries: "files in SOAP create and update calls"},
		{Pattern: "/services/data/v*/connect/**, /chatter/**", Carries: "files uploaded through Connect and Chatter"},
		{Pattern: "/services/data/v*/sobjects/* (other objects)", Carries: "pictures inside rich text, other base64 fields"},
		{Pattern: "/services/data/v*/actions/**, /quickActions/**, /process/**, /graphql, /ui-api/**", Carries: "whatever an action, flow or mutation takes"},
		{Pattern: "/services/apexrest/**", Carries: "whatever a custom service takes"},
		{Pattern: "/services/scim/**", Carries: "photos of users"},
	}
}
