package scan

// automaton is Aho and Corasick's as a complete table: one look-up a byte,
// whatever the input. Bytes that no pattern has share a column.
type automaton struct {
	column  [256]int32
	columns int32
	next    []int32   // [state*columns + column] → state
	ends    [][]int32 // [state] → patterns that end there
	any     []bool    // [state] whether ends has something
}

func newAutomaton(patterns []string) *automaton {
	a := &automaton{columns: 1} // column 0: no pattern's byte
	states := 1
	for _, p := range patterns {
		states += len(p)
		for i := range len(p) {
			if c := p[i]; a.column[c] == 0 {
				a.column[c] = a.columns
				a.columns++
			}
		}
	}
	a.next = make([]int32, states*int(a.columns))
	a.ends = make([][]int32, states)
	last := int32(0)
	for i, p := range patterns {
		state := int32(0)
		for j := range len(p) {
			edge := &a.next[state*a.columns+a.column[p[j]]]
			if *edge == 0 {
				last++
				*edge = last
			}
			state = *edge
		}
		a.ends[state] = append(a.ends[state], int32(i))
	}
	a.complete(int(last) + 1)
	return a
}

// complete replaces missing edges by those of the longest proper suffix that
// is a state, breadth first, and gives every state the patterns of its suffixes.
func (a *automaton) complete(states int) {
	suffix := make([]int32, states)
	var queue []int32
	for _, state := range a.next[:a.columns] {
		if state != 0 {
			queue = append(queue, state)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.ends[state] = append(a.ends[state], a.ends[suffix[state]]...)
		row := a.next[state*a.columns:][:a.columns]
		fallback := a.next[suffix[state]*a.columns:][:a.columns]
		for c, child := range row {
			if child == 0 {
				row[c] = fallback[c]
				continue
			}
			suffix[child] = fallback[c]
			queue = append(queue, child)
		}
	}
	a.next, a.ends = a.next[:states*int(a.columns)], a.ends[:states]
	a.any = make([]bool, states)
	for i, e := range a.ends {
		a.any[i] = len(e) > 0
	}
}

// run goes on from state with p, marks the patterns that end in it, and returns the new state.
func (a *automaton) run(state int32, p []byte, found []bool) int32 {
	for _, c := range p {
		state = a.next[state*a.columns+a.column[c]]
		if a.any[state] {
			for _, i := range a.ends[state] {
				found[i] = true
			}
		}
	}
	return state
}
