package topology

// Mermaid is the topology as a Mermaid flowchart, which GitHub draws in Markdown: subtopologies
// are frames, stores cylinders, topics round boxes.
func (p *Plan) Mermaid() string {
	d, out := p.drawing(), &lines{}
	out.add("flowchart TD")
	for _, topic := range d.topics {
		out.add("  %s(%q)", topic.id, topic.label)
	}
	for _, part := range d.parts {
		out.add("  subgraph sub%s[%q]", part.id, part.label)
		for _, n := range part.nodes {
			out.add("    %s[%q]", n.id, n.label)
		}
		for _, s := range part.stores {
			out.add("    %s[(%q)]", s.id, s.label)
		}
		for _, a := range part.arrows {
			out.add("    %s --> %s", a.from, a.to)
		}
		for _, a := range part.uses {
			out.add("    %s --- %s", a.from, a.to)
		}
		out.add("  end")
	}
	for _, a := range d.arrows {
		out.add("  %s --> %s", a.from, a.to)
	}
	return out.String()
}
