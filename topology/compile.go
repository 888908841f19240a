package topology

import (
	"slices"

	"github.com/pitwheel/pitwheel/internal/plan"
)

// compile makes the plan of a valid graph.
func compile(nodes []*node, states []*state) *plan.Plan {
	p := &plan.Plan{}
	var written []*plan.Node
	stores := map[*plan.Node][]*plan.Store{}
	ordered := inOrder(nodes)
	for _, n := range ordered {
		n.connect()
		written = append(written, n.parts...)
		if n.repartition != nil {
			p.Internal = append(p.Internal, n.repartition)
		}
		if len(n.stores) > 0 {
			stores[n.tail] = slices.Clone(n.stores)
		}
	}
	for _, s := range states {
		user := firstUser(written, s.store.Name)
		stores[user] = append(stores[user], s.store)
	}
	for number, sub := range subtopologies(written, stores) {
		sub.Number = int32(number)
		if slices.ContainsFunc(sub.Nodes, func(n *plan.Node) bool { return n.Global }) {
			sub.ID = int32(len(p.Globals))
			p.Globals = append(p.Globals, sub)
			continue
		}
		sub.ID = int32(len(p.Subtopologies))
		p.Subtopologies = append(p.Subtopologies, sub)
	}
	for _, n := range ordered {
		if n.copartitions {
			p.Copartitioned = append(p.Copartitioned, sourcesOf(n.head))
		}
	}
	return p
}

// firstUser is the first node that is connected with the store.
func firstUser(nodes []*plan.Node, store string) *plan.Node {
	i := slices.IndexFunc(nodes, func(n *plan.Node) bool { return slices.Contains(n.Stores, store) })
	return nodes[i]
}

// sourcesOf are the sources whose records come to the node, each once.
func sourcesOf(n *plan.Node) []*plan.Node {
	var sources []*plan.Node
	seen := map[*plan.Node]bool{}
	var climb func(n *plan.Node)
	climb = func(n *plan.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.Kind == plan.Source {
			sources = append(sources, n)
		}
		for _, parent := range n.Parents {
			climb(parent)
		}
	}
	climb(n)
	return sources
}

// inOrder is the order in which Kafka Streams writes a graph, which numbers its subtopologies and
// orders each node's children: always the node of the lowest priority whose parents are written.
// Kafka Streams: InternalStreamsBuilder.buildAndOptimizeTopology.
func inOrder(nodes []*node) []*node {
	missing := make(map[*node]int, len(nodes)) // parents not written
	var ready readyNodes
	for _, n := range nodes {
		missing[n] = len(n.parents)
		if len(n.parents) == 0 {
			ready.push(n)
		}
	}
	order := make([]*node, 0, len(nodes))
	for len(ready) > 0 {
		n := ready.pop()
		order = append(order, n)
		for _, child := range n.children {
			if missing[child]--; missing[child] == 0 {
				ready.push(child)
			}
		}
	}
	return order
}

// readyNodes are nodes whose parents are written. Few are ready at a time, so a scan finds the
// first of them.
type readyNodes []*node

func (r *readyNodes) push(n *node) { *r = append(*r, n) }

func (r *readyNodes) pop() *node {
	nodes, first := *r, 0
	for i, n := range nodes {
		if n.priority < nodes[first].priority {
			first = i
		}
	}
	n := nodes[first]
	nodes[first] = nodes[len(nodes)-1]
	*r = nodes[:len(nodes)-1]
	return n
}

// connect hangs the node's part of the plan under its parents'.
func (n *node) connect() {
	if n.head == nil {
		return // a source, or a side output
	}
	for _, parent := range n.parents {
		for _, p := range parent.emitters() {
			if !slices.Contains(n.head.Parents, p.tail) {
				p.tail.Children = append(p.tail.Children, n.head)
				n.head.Parents = append(n.head.Parents, p.tail)
			}
		}
	}
}

// subtopologies are the connected parts, in the order of their first nodes: nodes are connected by
// edges and by stores. Kafka Streams: InternalTopologyBuilder.makeNodeGroups, connectProcessorAndStateStore.
func subtopologies(nodes []*plan.Node, stores map[*plan.Node][]*plan.Store) []*plan.Subtopology {
	groups, users := groups{}, map[string]*plan.Node{}
	for _, n := range nodes {
		for _, parent := range n.Parents {
			groups.unite(n, parent)
		}
		for _, s := range n.Stores {
			if first, used := users[s]; used {
				groups.unite(n, first)
			} else {
				users[s] = n
			}
		}
	}
	var subs []*plan.Subtopology
	byRoot := map[*plan.Node]*plan.Subtopology{}
	for _, n := range nodes {
		root := groups.root(n)
		sub := byRoot[root]
		if sub == nil {
			sub = &plan.Subtopology{}
			byRoot[root] = sub
			subs = append(subs, sub)
		}
		sub.Nodes = append(sub.Nodes, n)
		sub.Stores = append(sub.Stores, stores[n]...)
	}
	return subs
}

// groups are sets of connected nodes: each points to another of its set, but for the root.
type groups map[*plan.Node]*plan.Node

func (g groups) root(n *plan.Node) *plan.Node {
	for {
		next, ok := g[n]
		if !ok {
			return n
		}
		if further, ok := g[next]; ok {
			g[n] = further // halves the way for the next search
		}
		n = next
	}
}

func (g groups) unite(a, b *plan.Node) {
	if a, b = g.root(a), g.root(b); a != b {
		g[a] = b
	}
}
