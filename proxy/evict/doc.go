// Package evict keeps the cache within its bounds: what was not used for
// longest goes first, until there is room.
//
// A survey of the store, uses and pins enter; deletions leave. The unit is the
// image: an index keeps its children, a manifest keeps its blobs, and a blob
// goes when no manifest in any repository names it. When an image was last
// used is the age of its link, which Uses makes young again, at most every few
// minutes; so all replicas see it, and nothing else has to be kept. The package
// fetches nothing and serves nothing.
//
// # Races
//
// Replicas store, link, read and evict at the same time, without locks between
// them. That is right because nothing that is deleted here is more than a copy:
// whoever finds a part missing fetches it again. What is relied on:
//
//   - Links go before bytes: the tags that mean a manifest, its link, the links
//     of blobs that its repository needs no more, then bytes. Whoever stops in
//     between leaves bytes without names, which a later pass finds, and never a
//     name that was proven for other bytes: a name says a digest.
//   - A manifest whose link is stored while its bytes are deleted is not found,
//     and fetched again. One whose bytes are stored while its link is deleted,
//     too. Blobs that are deleted while a manifest which names them is stored
//     are fetched again when they are asked for.
//   - A blob that came after the survey is younger than the survey saw it and
//     stays. One without a name is deleted when it is older than an hour: its
//     manifest was stored before it, and would have been surveyed.
//   - A fill that adopts a blob links it first. A pass that deletes the link in
//     between makes the next reader prove again that its repository holds the
//     blob; it cannot make one believe it.
//   - What is being read stays readable: a file has its bytes until it is
//     closed, whatever became of its name. Objects elsewhere are not deleted
//     while this process reads them; another process's readers have made the
//     image young when they began and every few minutes since, and nothing
//     younger than that is evicted. An address that a client was redirected to
//     is valid for a shorter time than the image stays young, unless somebody
//     purges it.
//   - Who got a manifest a moment before it was evicted goes on to ask for its
//     blobs: what it names is remembered for an hour by the replicas that knew
//     it. The others are told in Redis which manifests left by a purge or for a
//     full disk, sooner than the grace after a use, and fetch them again when
//     they are asked for a blob that no other one names. A replica that serves a
//     manifest from memory notices that it has gone when it records the use, and
//     fetches and stores it when it is asked for next.
//   - Two passes at once delete the same things, or one more than needed. A
//     lease avoids that; without Redis it happens.
package evict
