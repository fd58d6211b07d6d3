package kills_test

import (
	"testing"

	"github.com/cordonhq/cordon/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
