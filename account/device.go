package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Device returns a text for the browser in which somebody has just signed in. Shown again with
// the same login, it tells the owner's browser from a stranger's while strangers guess. It opens
// nothing by itself, and is good until the process ends.
// https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
func (b *Book) Device(login string) string {
	nonce := base64.RawURLEncoding.EncodeToString(random(16))
	return nonce + "." + b.deviceMAC(fold(login), nonce)
}

// knows returns the nonce of a device text of the login, "" if it is none.
func (b *Book) knows(login, device string) string {
	nonce, mac, _ := strings.Cut(device, ".")
	if len(device) > 256 || !hmac.Equal([]byte(mac), []byte(b.deviceMAC(login, nonce))) {
		return ""
	}
	return nonce
}

func (b *Book) deviceMAC(login, nonce string) string {
	m := hmac.New(sha256.New, b.deviceKey)
	m.Write([]byte("cordon device\x00" + nonce + "\x00" + login))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
