package sim

func rolledBack() *fault                    { return nil }
func (c *call) composite() (*answer, error) { return nil, notFound() }
