package store

// generations number the sets of writes of a space. A row whose generation is above applied is
// not in the backend; one whose generation is current is in its segment's list of dirty rows.
type generations struct{ current, applied uint32 }

// firstGeneration is above zero, the generation of rows that came from the backend.
const firstGeneration = 1

// lastGeneration is where numbering starts anew: at a hundred commits a second, after 497 days.
const lastGeneration = 1<<32 - 2
