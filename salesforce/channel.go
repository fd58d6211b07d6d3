package salesforce

import (
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
)

// Arrived is what an org says of how a file came.
type Arrived struct {
	ToEmail     bool   // attached to an EmailMessage
	CreatorType string // UserType of whoever made it
	NetworkID   string // Experience Cloud site, "" or zeros if none
	Integration bool   // its creator is a program's user
}

// Key prefix of Network, a site. Files of no site carry zeros.
const networkPrefix = "0DB"

// guests are the UserTypes of people outside the organisation, who come through a site or a
// portal; machines are those of the platform's own processes.
var (
	guests   = []string{"Guest", "CspLitePortal", "CSPLitePortal", "CustomerSuccess", "PowerCustomerSuccess", "PowerPartner"}
	machines = []string{"AutomatedProcess", "CloudIntegrationUser"}
)

// Channel tells the way in: attached to a message, made by a guest or through a site, made by
// an integration or by the platform itself, else by a person at the CRM's pages. What was
// attached to a message after it had been made elsewhere counts as made there.
func (a Arrived) Channel() cordon.Channel {
	switch {
	case a.ToEmail:
		return cordon.ChannelEmail
	case slices.Contains(guests, a.CreatorType) || strings.HasPrefix(a.NetworkID, networkPrefix):
		return cordon.ChannelPortal
	case a.Integration || slices.Contains(machines, a.CreatorType):
		return cordon.ChannelAPI
	}
	return cordon.ChannelUI
}
