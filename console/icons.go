package console

import "html/template"

// shapes are drawn on a grid of 24 with lines of 2, in the colour of the text around them.
var shapes = map[string]string{
	"now":      `<path d="M3 12h4l3-7 4 14 3-7h4"/>`,
	"hold":     `<path d="M8 5v14M16 5v14"/>`,
	"route":    `<circle cx="6" cy="18" r="2.5"/><circle cx="18" cy="6" r="2.5"/><path d="M8.5 18H14a4 4 0 0 0 0-8h-4a4 4 0 0 1 0-4h5.500"/>`,
	"stock":    `<path d="M4 20V10M10 20V4M16 20v-7M21 20H3"/>`,
	"report":   `<path d="M5 3.500h10l4 4v13H5z"/><path d="M9 17v-4M12 17v-7M15 17v-2"/>`,
	"spark":    `<path d="M12 3l2.200 6.800L21 12l-6.800 2.200L12 21l-2.200-6.800L3 12l6.800-2.200z"/>`,
	"patch":    `<path d="M4 4h11v11H4z"/><path d="M9 9h11v11H9z" stroke-dasharray="3 2.500"/>`,
	"clear":    `<path d="M4 12.500l5 5L20 6.500"/>`,
	"look":     `<circle cx="10.500" cy="10.500" r="6"/><path d="M15 15l5.500 5.500"/>`,
	"question": `<path d="M8.500 9a3.500 3.500 0 1 1 5 3.200c-1 .5-1.500 1.200-1.500 2.300"/><path d="M12 18.500v.01"/>`,
	"dash":     `<path d="M6 12h12"/>`,
	"flag":     `<path d="M5 21V4h13l-3 4.500 3 4.500H5"/>`,
	"warn":     `<path d="M12 3.500l9.500 16.500h-19z"/><path d="M12 10v4.500M12 17.300v.01"/>`,
	"eye":      `<path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z"/><circle cx="12" cy="12" r="2.800"/>`,
	"seal":     `<circle cx="12" cy="10" r="6"/><path d="M9 15.500V22l3-2 3 2v-6.500M9.500 10l1.800 1.800L15 8.300"/>`,
	"out":      `<path d="M14 4H5v16h9M10 12h11M17.500 8.500L21 12l-3.500 3.500"/>`,
	"clock":    `<circle cx="12" cy="12" r="8.500"/><path d="M12 7v5.300l3.500 2"/>`,
	"arrow":    `<path d="M4 12h15M13.500 6.500L19 12l-5.500 5.500"/>`,
}

// icon returns a drawing that says nothing by itself: a word always stands beside it, so it is
// hidden from assistive technology.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">` + shapes[name] + `</svg>`)
}
