package declared

import "strings"

// jsonKeys returns the member names of a JSON object down to the given depth, in lower case.
// It is lenient on purpose: generators write NaN and leave texts unfinished.
func jsonKeys(s string, depth int) map[string]bool {
	keys := map[string]bool{}
	level, last := 0, ""
	for i := 0; i < len(s) && len(keys) < 4096; i++ {
		switch s[i] {
		case '{', '[':
			level++
			last = ""
		case '}', ']':
			level--
			last = ""
		case '"':
			start := i + 1
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			last = s[start:max(start, min(i, len(s)))]
		case ':':
			if level >= 1 && level <= depth && last != "" && len(last) < 64 {
				keys[strings.ToLower(last)] = true
			}
			last = ""
		case ',':
			last = ""
		}
	}
	return keys
}

// isObject reports whether the text is a JSON object, after a label such as "workflow:".
func isObject(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '{'); i > 0 && i < 24 {
		label := strings.TrimRight(s[:i], ": \n")
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == "" && strings.Contains(s[:i], ":") {
			s = s[i:]
		}
	}
	return s, strings.HasPrefix(s, "{")
}

func anyOf(keys map[string]bool, names ...string) bool {
	for _, n := range names {
		if keys[n] {
			return true
		}
	}
	return false
}

// samplerSettings recognises the settings of a diffusion sampler in JSON, whoever wrote
// them: a seed, a number of steps, and two of guidance, sampler and prompt.
func samplerSettings(search *search, f *text) (string, bool) {
	if search.has("seed", "steps") < 2 {
		return "", false
	}
	s, ok := isObject(f.Value)
	if !ok {
		return "", false
	}
	keys := jsonKeys(s, 2)
	if !anyOf(keys, "seed", "noise_seed") || !anyOf(keys, "steps", "num_inference_steps", "sampling_steps", "num_steps") {
		return "", false
	}
	n := 0
	for _, group := range [][]string{
		{"cfg", "cfg_scale", "cfgscale", "guidance_scale", "scale", "guidance", "cfg scale"},
		{"sampler", "sampler_name", "scheduler", "sampler_id", "sampling_method"},
		{"prompt", "positive_prompt", "full_prompt", "negative_prompt", "negativeprompt", "uc", "txt"},
		{"model", "base_model", "model_hash", "model_weights", "sd_model", "use_stable_diffusion_model"},
	} {
		if anyOf(keys, group...) {
			n++
		}
	}
	if n < 2 {
		return "", false
	}
	return "JSON with seed, steps and sampler settings", true
}
