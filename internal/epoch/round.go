package epoch

import "context"

// round is one exchange with Redis for all who asked before it began. Who asks
// while one is under way waits for the next: what that one reads is no older
// than the question, and however many ask, two exchanges answer them all.
type round struct {
	topics []Topic
	done   chan struct{} // closed when marks and err are set
	marks  map[Topic]string
	err    error
}

// join adds topics to the next round. lead says that the caller must have it run.
func (e *Epochs) join(topics []Topic) (r *round, lead bool, err error) {
	if err := e.paused(); err != nil {
		return nil, false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.next == nil {
		e.next = &round{done: make(chan struct{}), marks: map[Topic]string{}}
	}
	r = e.next
	for _, t := range topics {
		if _, ok := r.marks[t]; !ok {
			r.marks[t] = ""
			r.topics = append(r.topics, t)
		}
	}
	if e.asking {
		return r, false, nil
	}
	e.asking, e.next = true, nil
	return r, true, nil
}

// lead runs r, and hands over to whoever waits for a round after it.
func (e *Epochs) lead(r *round) {
	e.run(r)
	e.mu.Lock()
	defer e.mu.Unlock()
	next := e.next
	e.asking, e.next = next != nil, nil
	if next != nil {
		go e.lead(next)
	}
}

// run asks Redis. It does not end with the one who leads: others wait for it.
func (e *Epochs) run(r *round) {
	defer close(r.done)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if r.err = e.ask(ctx, r); r.err != nil {
		r.err = e.failed(ctx, r.err)
	}
}

func (e *Epochs) ask(ctx context.Context, r *round) error {
	if err := e.resend(ctx); err != nil {
		return err
	}
	keys := make([]string, len(r.topics))
	for i, t := range r.topics {
		keys[i] = key(t)
	}
	values, err := e.redis.MGet(ctx, keys...).Result()
	if err != nil {
		return err
	}
	for i, v := range values {
		mark, ok := v.(string)
		if !ok {
			// Never set or flushed. Whatever was read under an earlier mark is
			// void, so the topic starts anew with a mark that never was.
			if mark, err = e.begin(ctx, r.topics[i]); err != nil {
				return err
			}
		}
		r.marks[r.topics[i]] = mark
	}
	return nil
}
