package main

// Flight is a row of the data as the input topic holds it.
type Flight struct {
	Seq       int    `json:"seq"`       // its place in the replay, from 1
	Scheduled int64  `json:"scheduled"` // Unix seconds: the event time
	Carrier   string `json:"carrier"`   // the airline's code
	Origin    string `json:"origin"`    // the airport's code; the record's key too
	DepDelay  *int64 `json:"dep_delay"` // minutes, negative: early; nil: it did not leave

	// Published is when the row became known, in Unix seconds. In Kafka it is the record's timestamp.
	Published int64 `json:"-"`
}

// Delays are what is counted of some flights.
type Delays struct {
	Flights int64 `json:"flights"`
	Left    int64 `json:"left"`      // of the flights; the others were cancelled
	Sum     int64 `json:"delay_sum"` // of the departure delays of those that left, in minutes
}

// with is d and one flight more.
func (d Delays) with(f Flight) Delays {
	d.Flights++
	if f.DepDelay != nil {
		d.Left++
		d.Sum += *f.DepDelay
	}
	return d
}

func (d Delays) cancelled() int64 { return d.Flights - d.Left }

// average is in minutes, over the flights that left; 0 if none did.
func (d Delays) average() float64 {
	if d.Left == 0 {
		return 0
	}
	return float64(d.Sum) / float64(d.Left)
}
