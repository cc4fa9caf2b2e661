package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"weir/pipeline"
)

// merge applies a merge patch to a configuration. A *** in it leaves what is there.
func merge(old, patch json.RawMessage) (json.RawMessage, error) {
	var before, change any
	if len(old) > 0 {
		if err := json.Unmarshal(old, &before); err != nil {
			return nil, fmt.Errorf("this is not JSON: %w", err)
		}
	}
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, fmt.Errorf("this is not JSON: %w", err)
	}
	if _, ok := change.(map[string]any); !ok {
		return nil, errors.New("expected an object")
	}
	after, err := merged(before, change)
	if err != nil {
		return nil, err
	}
	return json.Marshal(after)
}

func merged(old, patch any) (any, error) {
	switch p := patch.(type) {
	case map[string]any:
		was, _ := old.(map[string]any)
		out := make(map[string]any, len(was)+len(p))
		maps.Copy(out, was)
		for k, v := range p {
			if v == nil {
				delete(out, k)
				continue
			}
			next, err := merged(was[k], v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = next
		}
		return out, nil
	case []any:
		was, _ := old.([]any)
		out := make([]any, len(p))
		for i, v := range p {
			var before any
			if i < len(was) {
				before = was[i]
			}
			next, err := merged(before, v)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			out[i] = next
		}
		return out, nil
	case string:
		if p != pipeline.Redacted {
			return p, nil
		}
		if was, ok := old.(string); ok {
			return was, nil
		}
		return nil, errors.New("*** stands for a secret, but there is none yet")
	default:
		return p, nil
	}
}
