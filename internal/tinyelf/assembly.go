package tinyelf

import "encoding/binary"

// assembly collects the instructions of one program, then its constants, and
// knows which place refers to which.
type assembly struct {
	cpu    instructions
	code   []byte
	data   []byte
	refs   []reference
	failed []reference // jumps to the end of the code
}

// reference is an instruction that needs a distance. target is an offset in
// the code when it is a jump, in the data otherwise.
type reference struct {
	at, size, target int
	jump             bool
}

// operand is an argument of a system call: a number, the address of a
// constant, a kept value, or the top of the stack.
type operand func(a *assembly, arg int)

func number(v int64) operand {
	return func(a *assembly, arg int) { a.emit(a.cpu.loadImmediate(arg, v)) }
}

func value(k kept) operand {
	return func(a *assembly, arg int) { a.emit(a.cpu.loadKept(arg, k)) }
}

func stack(a *assembly, arg int) { a.emit(a.cpu.loadStack(arg)) }

// at is the address of data at an offset that constant returned.
func at(offset int) operand {
	return func(a *assembly, arg int) {
		ref := a.emit(a.cpu.loadAddress(arg))
		ref.target = offset
		a.refs = append(a.refs, ref)
	}
}

// constant adds data, aligned for a pointer, and returns its offset.
func (a *assembly) constant(b []byte) int {
	for len(a.data)%8 != 0 {
		a.data = append(a.data, 0)
	}
	offset := len(a.data)
	a.data = append(a.data, b...)
	return offset
}

func (a *assembly) emit(b []byte) reference {
	ref := reference{at: len(a.code), size: len(b)}
	a.code = append(a.code, b...)
	return ref
}

// call makes a system call; the result stays until the next one.
func (a *assembly) call(c call, args ...operand) {
	for i, load := range args {
		load(a, i)
	}
	a.emit(a.cpu.enter(a.cpu.number(c)))
}

// must ends the program with status 1 when the last call failed.
func (a *assembly) must() { a.failed = append(a.failed, a.emit(a.cpu.jumpIfFailed())) }

func (a *assembly) keep(k kept)          { a.emit(a.cpu.keep(k)) }
func (a *assembly) set(k kept, v uint32) { a.emit(a.cpu.set(k, v)) }
func (a *assembly) reserve()             { a.emit(a.cpu.reserve()) }
func (a *assembly) here() int            { return len(a.code) }

// countDown subtracts one from k and goes back to target unless it is zero.
func (a *assembly) countDown(k kept, target int) {
	ref := a.emit(a.cpu.countDown(k))
	ref.target, ref.jump = target, true
	a.refs = append(a.refs, ref)
}

func (a *assembly) exit(status int64) { a.call(callExit, number(status)) }

// file completes the references and returns the program. pointers are offsets
// of constants that hold the offset of another constant, to become its address.
func (a *assembly) file(pointers ...int) []byte {
	end := a.here()
	a.exit(1)
	for _, ref := range a.failed {
		a.cpu.patch(a.code, ref.at, ref.size, end-ref.at)
	}
	for len(a.code)%8 != 0 {
		a.code = append(a.code, 0)
	}
	for _, ref := range a.refs {
		target := ref.target
		if !ref.jump {
			target += len(a.code)
		}
		a.cpu.patch(a.code, ref.at, ref.size, target-ref.at)
	}
	for _, p := range pointers {
		offset := binary.LittleEndian.Uint64(a.data[p:])
		binary.LittleEndian.PutUint64(a.data[p:], base+headers+uint64(len(a.code))+offset)
	}
	return file(a.cpu.machine(), append(a.code, a.data...))
}
