// Package sensor sees what the guest does: a seccheck sink that runs inside
// the Sentry, decodes trace points and raw system calls with the task at hand,
// and writes them as event.Event frames to one socket.
//
// Trace points enter, frames leave; Reader turns frames back into events on
// the other side. Critical kinds are never dropped: a full queue makes the
// guest's task wait. Everything else is dropped when the queue is full and
// counted in an event of kind Lost. The same socket carries acknowledgements
// back: the end of the container's first process is held until the reader has
// acknowledged it, so that its file system can still be read.
//
// It judges nothing and never touches the host but for that one descriptor.
package sensor
