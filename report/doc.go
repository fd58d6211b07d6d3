// Package report writes reports for people: as text for a terminal, and as one page of HTML
// that stands alone and prints well. It also holds the rules by which a shadow report advises
// where to hold.
//
// A report states numbers with what they rest on. What nobody knows is written as unknown, and
// never suffices for advice.
package report
