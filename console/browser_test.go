package console

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

// browser starts Chromium, or skips and says so. With CORDON_SHOTS set to a folder, every page
// that the tests visit is photographed into it, for whoever works on the pages.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("the browser tests are left out with -short")
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium is installed: pages are not tested in a real browser")
	}
	dir, err := os.MkdirTemp("", "cordon-console-test")
	if err != nil {
		t.Fatal(err)
	}
	// Children of the browser write on for a moment after it has stopped.
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func see[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func colours(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

func ready(css string) chromedp.Action[chromedp.Void] { return chromedp.WaitReady(chromedp.CSS(css)) }

func photograph(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("CORDON_SHOTS")
	if dir == "" {
		return
	}
	png := see(t, ctx, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// signInByKeys signs in with the keyboard alone, as somebody without a mouse does.
func signInByKeys(t *testing.T, ctx context.Context, url, login, password string) {
	t.Helper()
	do(t, ctx, chromedp.Navigate(url+"/sign-in"), ready("#login"),
		chromedp.KeyEvent(login), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(password), chromedp.KeyEvent(kb.Enter),
		ready("form.who"))
}

// crowded lists elements that stick out of the window, and low lists text whose contrast with
// what is behind it is below WCAG 2.2 AA (4.5, or 3 for large text), and small lists targets
// under 24 px that do not stand in running text.
const crowded = `(() => { const w = document.documentElement.clientWidth;
return document.documentElement.scrollWidth <= w ? [] : [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 5).map(e => e.tagName + '.' + e.className) })()`

const low = `(() => {
const num = c => { const m = c.match(/[\d.]+/g).map(Number); return c.startsWith('color(srgb') ? [m[0]*255, m[1]*255, m[2]*255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1] };
const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
const behind = e => { for (; e; e = e.parentElement) { const c = num(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c } return [255, 255, 255, 1] };
const out = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) { const e = walk.currentNode.parentElement;
 if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest('svg')) continue;
 const s = getComputedStyle(e), a = lum(num(s.color)), b = lum(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
 const px = parseFloat(s.fontSize), large = px >= 24 || px >= 18.66 && s.fontWeight >= 700;
 if (ratio < (large ? 3 : 4.5)) out.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ' ' + walk.currentNode.data.trim().slice(0, 30)) }
return out })()`

const small = `[...document.querySelectorAll('a[href], button, select, input:not([type=hidden]), textarea, summary')]
.filter(e => e.checkVisibility() && !e.closest('.skip, p.hint, p.why, dd, th, .problem') && getComputedStyle(e).display !== 'inline')
.map(e => [e.closest('label') ?? e, e]).filter(([e]) => e.getBoundingClientRect().height < 24).map(([e]) => e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 30))`

func TestPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	c := newConsole(t)
	item := string(c.first)
	stock := desktest.Stock(morning)
	c.desk.SetInventory(desk.InventoryState{Last: &stock})
	reported, err := c.desk.Report(t.Context(), desktest.Tenant, cordon.Actor{Kind: cordon.Client, ID: "act_x"}, desk.Report{Named: "0685g00000XyZ12AAF", Source: "mail-gateway"}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	removal := string(c.desk.Propose(c.delivered(t)))
	listed, err := c.desk.KnownOfItem(t.Context(), desktest.Tenant, c.first)
	if err != nil {
		t.Fatal(err)
	}
	files, err := desk.KnownFrom(listed, cordon.KnownFile{List: cordon.KnownBlocked, Note: "came for three patients"}, c.first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.desk.AddKnown(t.Context(), desktest.Tenant, files, cordon.KnownBy{Actor: cordon.Actor{Kind: cordon.Person, ID: "act_x"}, Decides: true}, false); err != nil {
		t.Fatal(err)
	}
	pages := []struct{ name, path string }{
		{"known", "/known?item=" + item},
		{"now", "/"}, {"holds", "/holds"}, {"item", "/items/" + item}, {"receipt", "/receipts/" + item}, {"routes", "/routes"}, {"inventory", "/inventory"}, {"coverage", "/coverage"}, {"reports", "/reports"},
		{"alerts", "/alerts"}, {"alert", "/alerts/" + string(reported.ID)}, {"removals", "/removals"}, {"removal", "/removals/" + removal},
		{"error", "/items/itm_00000000000000000000000000"}, {"empty", "/holds?state=rejected"},
		{"backfill", "/backfill?estimate=yes&sample=2000"}, {"backfill-one", "/backfill/2026-11-20"},
	}
	views := []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1280, 900}, {"dark", "dark", 1280, 900}, {"phone", "light", 390, 844}, {"phone-dark", "dark", 390, 844}, {"narrow", "light", 320, 640}}

	c.desk.PutBackfill(halfway())
	signInByKeys(t, ctx, c.url, "vera", operatorPassword) // who has every button
	for _, v := range views {
		do(t, ctx, chromedp.EmulateViewport(v.width, v.height), colours(v.scheme))
		for _, p := range pages {
			t.Run(v.name+"/"+p.name, func(t *testing.T) {
				do(t, ctx, chromedp.Navigate(c.url+p.path), ready("main"))
				wide := see(t, ctx, chromedp.Evaluate[[]string](crowded))
				pale := see(t, ctx, chromedp.Evaluate[[]string](low))
				tiny := see(t, ctx, chromedp.Evaluate[[]string](small))
				photograph(t, ctx, fmt.Sprintf("%s-%s", p.name, v.name))
				if len(wide) > 0 {
					t.Errorf("the page is wider than the window: %s", strings.Join(wide, ", "))
				}
				if len(pale) > 0 {
					t.Errorf("too little contrast:\n%s", strings.Join(pale, "\n"))
				}
				if len(tiny) > 0 {
					t.Errorf("targets under 24 px:\n%s", strings.Join(tiny, "\n"))
				}
			})
		}
	}
}

func TestReviewerDecidesByKeyboardInABrowser(t *testing.T) {
	ctx := browser(t)
	c := newConsole(t)
	do(t, ctx, chromedp.EmulateViewport(390, 844))
	photographSignIn(t, ctx, c)
	signInByKeys(t, ctx, c.url, "rhea", reviewerPassword)

	do(t, ctx, chromedp.Navigate(c.url+"/items/"+string(c.first)), ready(".glimpse"))
	if blur := see(t, ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector('.glimpse')).filter`)); !strings.Contains(blur, "blur") {
		t.Errorf("the glimpse has the filter %q", blur)
	}
	do(t, ctx, chromedp.Focus(chromedp.CSS(".preview button")), chromedp.KeyEvent(kb.Enter), ready(".preview figure:not(.veiled) img"))
	see(t, ctx, chromedp.Poll[bool](`document.querySelector('.preview img').complete`))
	if px := see(t, ctx, chromedp.Evaluate[int](`document.querySelector('.preview img').naturalWidth`)); px < 300 {
		t.Errorf("the clear preview is %d px wide", px)
	}
	photograph(t, ctx, "item-clear-phone")
	do(t, ctx, chromedp.Focus(chromedp.CSS(`input[value="harmful"]`)), chromedp.KeyEvent(" "), chromedp.Focus(chromedp.CSS("#note")),
		chromedp.KeyEvent("The credential names a generator and the patient says it is not them."),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), ready(".receipt"))
	shown := see(t, ctx, chromedp.Text(chromedp.CSS("main")))
	photograph(t, ctx, "receipt-rejected-phone")
	if !strings.Contains(shown, "This item is kept out") {
		t.Errorf("after deciding the page says:\n%s", shown)
	}
}

func photographSignIn(t *testing.T, ctx context.Context, c *testConsole) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		do(t, ctx, colours(scheme), chromedp.Navigate(c.url+"/sign-in"), ready("#login"))
		photograph(t, ctx, "sign-in-"+scheme)
	}
}
