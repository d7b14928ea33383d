// The form of messages: what submission changes in a header, and the reports that the node writes itself.
//
// Bytes in, bytes out: no sockets, no clock, no files. Input is hostile: everything is bounded by the limits that
// the caller passes, and a header that could be read in two ways is refused with a reply that says why.
