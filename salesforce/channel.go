package salesforce

import (
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

// Channel tells the way in: attached to a message, made by a guest or through a site, made by
// an integration, else by a person at the CRM's pages.
func (a Arrived) Channel() cordon.Channel {
	switch {
	case a.ToEmail:
		return cordon.ChannelEmail
	case a.CreatorType == "Guest" || strings.Trim(a.NetworkID, "0") != "":
		return cordon.ChannelPortal
	case a.Integration:
		return cordon.ChannelAPI
	}
	return cordon.ChannelUI
}
