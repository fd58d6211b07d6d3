package sim

import "net/http"

type job struct{}

func (c *call) ingest() (*answer, error)                                      { return nil, notFound() }
func (o *Org) bulk1(w *exchange, r *http.Request, version string, p []string) {}
