package sim

func (c *call) connect() (*answer, error) { return nil, notFound() }
