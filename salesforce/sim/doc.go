// Package sim is a Salesforce organisation in memory.
package sim
