package store

import "context"

func openPostgres(ctx context.Context, c Config) (engine, error) { panic("x") }
