// Package netimp joins two network namespaces by a path that is as bad as a test
// wants it to be: late, uneven, lossy, narrow, cut off. It opens a TUN device in each
// and carries IP packets between them, so that whatever runs there, a browser say,
// uses its own TCP and UDP. It takes the place of "tc netem" where the kernel has none,
// needs Linux and root, and [New] says so where it cannot work.
//
// # What jitter means
//
// With Jitter j and Delay d a packet is late by d plus a number drawn evenly from -j to
// j, and not below zero. None overtakes another unless Reorder says so: one that is
// late holds up all that was sent after it. A stream of a few hundred packets a second
// is therefore late by between 0.5 j and j nearly always, 0.8 j in the middle, and comes
// in clumps; one of ten a second follows the draw. With "jitter 200ms" and no delay the
// round trip is 200 to 350 ms.
package netimp
