package salesforce

import (
	"regexp"
	"strings"
)

// ownSuffix ends the address that an org has of its own, "My Domain".
const ownSuffix = ".my.salesforce.com"

// orgSuffixes end the other host names of an org, which begin with the same name.
// https://help.salesforce.com/s/articleView?id=sf.domain_name_enhanced.htm
var orgSuffixes = []string{ownSuffix, ".lightning.force.com", ".file.force.com", ".my.site.com", ".my.salesforce-sites.com",
	".vf.force.com", ".visualforce.com", ".documentforce.com", ".content.force.com", ".visual.force.com",
	".builder.salesforce-experience.com", ".preview.salesforce-experience.com", ".live.salesforce-experience.com"}

// instance is the part that older host names have before their suffix, as in
// acme--c.eu5.visual.force.com.
var instance = regexp.MustCompile(`\.[a-z]{2,4}[0-9]{1,4}[a-z]?$`)

// IsOrgHost reports whether a host belongs to the org whose own host is own, as the platform
// names hosts. Names that an org has bought for its sites cannot be told from it.
func IsOrgHost(own, host string) bool {
	own, host = strings.ToLower(own), strings.ToLower(host)
	if own == host {
		return true
	}
	org, named := strings.CutSuffix(own, ownSuffix)
	if !named {
		return false
	}
	name, partition, _ := strings.Cut(org, ".") // acme--uat.sandbox
	for _, suffix := range orgSuffixes {
		rest, ok := strings.CutSuffix(strings.TrimSuffix(host, ":443"), suffix)
		if !ok {
			continue
		}
		rest = instance.ReplaceAllString(rest, "")
		label, part, _ := strings.Cut(rest, ".")
		if part == partition && (label == name || strings.HasPrefix(label, name+"--")) {
			return true
		}
	}
	return false
}

// IsPlatformHost reports whether a host is one of the platform's, of whatever org.
func IsPlatformHost(host string) bool {
	host = "." + strings.ToLower(strings.TrimSuffix(host, "."))
	for _, suffix := range []string{".salesforce.com", ".force.com", ".salesforce-sites.com", ".salesforce-experience.com", ".site.com",
		".visualforce.com", ".documentforce.com"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
