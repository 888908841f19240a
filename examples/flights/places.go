package main

import "slices"

// places knows at which offset each flight is. The input topic is this run's own and nobody else
// writes to it, so a flight's offset is its number among those of its partition.
type places struct {
	seqs [][]int // by partition: the Seq of each flight, ascending
}

func placesOf(flights []Flight) places {
	p := places{seqs: make([][]int, partitions)}
	for _, f := range flights {
		at := partitionOf(f.Origin)
		p.seqs[at] = append(p.seqs[at], f.Seq)
	}
	return p
}

// beyond is how many flights were processed that are not committed: seen is the Seq processed
// last of each origin, committed the group's offset in each partition.
func (p places) beyond(seen map[string]int, committed []int64) int64 {
	processed := make([]int64, partitions)
	for origin, seq := range seen {
		at := partitionOf(origin)
		upTo, _ := slices.BinarySearch(p.seqs[at], seq+1)
		processed[at] = max(processed[at], int64(upTo))
	}
	var n int64
	for at := range processed {
		n += max(processed[at]-committed[at], 0)
	}
	return n
}
