package main

var kafkaFaults = []fault{
	{name: "leaders", on: "kfake", about: "all partitions get another leader", begin: func(s *soak) (outcome, error) {
		f, ok := s.cluster.(fake)
		if !ok {
			return outcome{}, nil
		}
		f.ShufflePartitionLeaders()
		return outcome{did: "all partitions"}, nil
	}},
	{name: "coordinators", on: "kfake", about: "all groups and transactional ids get another coordinator", begin: func(s *soak) (outcome, error) {
		f, ok := s.cluster.(fake)
		if !ok {
			return outcome{}, nil
		}
		f.RehashCoordinators()
		return outcome{did: "all of them"}, nil
	}},
}
