package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"
)

// filled is what the API says of a backfill.
type filled struct {
	Name, State string
	Waiting     *struct{ Why string }
	Estimate    struct{ Take int }
	Taken       int
	Observed    int
	Bytes       int64
	Calls       int64
	Unsure      int64    `json:"calls_unsure"`
	Least       int64    `json:"calls_least"`
	Per1000     *float64 `json:"calls_per_1000"`
	LeastPer    *float64 `json:"least_per_1000"`
}

// backfill has the gateway go through an org of so many files and prints a line for each
// twentieth of it. On its way the gateway is killed some times and started again.
func backfill(ctx context.Context, files int, seed uint64, workers, kills int) (err error) {
	s, err := openStage(ctx, int64(files)*30_000, "--files", strconv.Itoa(files), "--seed", strconv.FormatUint(seed, 10), "--api-limit", strconv.Itoa(100*files))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	fmt.Print(s.crm.log.String())
	var b filled
	if err := s.api(ctx, "POST", "/v1/backfills", map[string]any{"share": 1, "workers": workers}, &b); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "files\tfiles/s\tms of processor/file\tRSS MiB\tdatabase MiB\t")
	began, last, lastTaken, step := time.Now(), time.Now(), 0, max(1, b.Estimate.Take/20)
	var least, most int64 // RSS from a tenth of the way on
	killed, lastCPU := 0, s.gateway.processor()
	for b.State == "running" {
		select {
		case <-ctx.Done():
			w.Flush()
			return fmt.Errorf("it stood at %d of %d files: %w", b.Taken, b.Estimate.Take, ctx.Err())
		case <-time.After(250 * time.Millisecond):
		}
		b = filled{Name: b.Name}
		if err := s.api(ctx, "GET", "/v1/backfills/"+b.Name, nil, &b); err != nil {
			return err
		}
		rss, err := s.gateway.memory("VmRSS")
		if err != nil {
			return err
		}
		if killed < kills && b.Taken > (killed+1)*b.Estimate.Take/(kills+1)+rand.IntN(100) {
			killed++
			if err := errors.Join(s.gateway.kill(), s.serve()); err != nil {
				return err
			}
			lastCPU = 0 // of a new process
			continue
		}
		if b.Taken >= b.Estimate.Take/10 {
			if least == 0 {
				least = rss
			}
			least, most = min(least, rss), max(most, rss)
		}
		if b.Taken >= lastTaken+step || b.State == "done" && b.Taken > lastTaken {
			files, cpu := float64(b.Taken-lastTaken), s.gateway.processor()
			fmt.Fprintf(w, "%d\t%.0f\t%.2f\t%d\t%d\t\n", b.Taken, files/time.Since(last).Seconds(), 1000*(cpu-lastCPU).Seconds()/files, rss>>20, s.database()>>20)
			last, lastTaken, lastCPU = time.Now(), b.Taken, cpu
		}
	}
	w.Flush()
	took := time.Since(began)
	peak, err := s.gateway.memory("VmHWM")
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d files of %d bytes in %s, %.0f files/s\n", b.State, b.Observed, b.Bytes, took.Round(time.Second), float64(b.Observed)/took.Seconds())
	if b.Per1000 != nil && b.LeastPer != nil {
		fmt.Printf("API calls: %d, %.1f per 1000 files; the least possible is %d, %.1f per 1000\n", b.Calls, *b.Per1000, b.Least, *b.LeastPer)
	}
	counted, err := s.counted(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("the org counted %d API calls in all; %d are booked, and %d more may have been made by processes that were killed\n", counted, b.Calls, b.Unsure)
	if killed > 0 {
		fmt.Printf("killed %d times: %d calls more than the least possible, of which 3 are the counts at the start\n", killed, counted-b.Least)
	}
	fmt.Printf("RSS from a tenth of the way on: %d to %d MiB, highest ever %d MiB\n", least>>20, most>>20, peak>>20)
	return nil
}

// counted is how many API calls the org has charged.
func (s *stage) counted(ctx context.Context) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", s.crm.address["salesforce"]+"/services/data/v64.0/limits", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var limits struct {
		DailyApiRequests struct{ Max, Remaining int64 }
	}
	err = json.NewDecoder(resp.Body).Decode(&limits)
	return limits.DailyApiRequests.Max - limits.DailyApiRequests.Remaining - 1, err // this call apart
}

// database is the size of the records, with what is not yet written back.
func (s *stage) database() (size int64) {
	for _, name := range []string{"cordon.db", "cordon.db-wal"} {
		if info, err := os.Stat(filepath.Join(s.dir, "data", name)); err == nil {
			size += info.Size()
		}
	}
	return size
}

// api calls the gateway's API as its operator.
func (s *stage) api(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.gateway.address["console"]+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.operator)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}
