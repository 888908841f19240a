package topology

// DOT is the topology in Graphviz's language: subtopologies are frames, stores cylinders, topics
// round boxes.
func (p *Plan) DOT() string {
	d, out := p.drawing(), &lines{}
	out.add("digraph topology {")
	out.add("  node [shape=box];")
	for _, topic := range d.topics {
		out.add("  %s [label=%q, style=rounded];", topic.id, topic.label)
	}
	for _, part := range d.parts {
		out.add("  subgraph cluster_%s {", part.id)
		out.add("    label=%q;", part.label)
		for _, n := range part.nodes {
			out.add("    %s [label=%q];", n.id, n.label)
		}
		for _, s := range part.stores {
			out.add("    %s [label=%q, shape=cylinder];", s.id, s.label)
		}
		for _, a := range part.arrows {
			out.add("    %s -> %s;", a.from, a.to)
		}
		for _, a := range part.uses {
			out.add("    %s -> %s [dir=none, style=dashed];", a.from, a.to)
		}
		out.add("  }")
	}
	for _, a := range d.arrows {
		out.add("  %s -> %s;", a.from, a.to)
	}
	out.add("}")
	return out.String()
}
