using System.Globalization;
using System.Security;
using System.Text;

namespace Ingot.Schedule;

/// <summary>GRAPH=1: the launches of a plan and the buffers between them, as an SVG.</summary>
sealed partial class Plan
{
    const int CharWidth = 7, LineHeight = 16, GapX = 40, GapY = 60, Margin = 24;

    sealed class Box(string[] lines, string style)
    {
        public readonly string[] Lines = lines;
        public readonly string Style = style;
        public readonly int Width = 20 + CharWidth * lines.Max(l => l.Length);
        public readonly int Height = 12 + LineHeight * lines.Length;
        public int Layer, X, Y;
        public double Order;
    }

    /// <summary>Boxes are launches (blue), tensors given (green) and results (orange); an arrow is a buffer that one writes and the next reads.</summary>
    public string Picture()
    {
        var boxes = new List<Box>();
        var arrows = new List<(Box From, Box To, string Label)>();
        var holder = new Dictionary<(Kind, int), Box>(); // who wrote a piece of memory last
        string Value(int b) => $"{buffers[b].DType.Name}{buffers[b].Shape} {buffers[b].Shape.Count * buffers[b].DType.Size:N0} B";
        foreach (var launch in launches)
        {
            var (reads, writes) = Accesses(launch);
            long flops = launch.Instances.Sum(i => i.Flops), bytes = launch.Instances.Sum(i => i.Bytes);
            string many = launch.Instances.Count > 1 ? $" x{launch.Instances.Count}" : "";
            var box = new Box([launch.Name + many, launch.Host is null ? $"{flops:N0} FLOP, {bytes:N0} B" : "on the host", .. Wrapped(launch.Kernel?.Nest.Recipe ?? [])], "kernel");
            foreach (var group in reads.GroupBy(b => holder.GetValueOrDefault(Memory(b))).ToList())
            {
                // What nobody wrote before is given; the tensors of a launch over many are one box.
                var from = group.Key;
                if (from is null)
                {
                    boxes.Add(from = new(Listed([.. group.Select(Value)]), "leaf"));
                    if (group.Count() == 1) holder[Memory(group.First())] = from;
                }
                box.Layer = Math.Max(box.Layer, from.Layer + 1);
                arrows.Add((from, box, from.Style == "leaf" ? "" : Listed([.. group.Select(Value)])[0]));
            }
            boxes.Add(box);
            foreach (int b in writes) holder[Memory(b)] = box;
            var results = writes.Where(b => buffers[b].Kind != Kind.Temporary).Select(b => Value(b) + (buffers[b].Kind == Kind.Leaf ? " in place" : "")).ToList();
            if (results.Count == 0) continue;
            var result = new Box(Listed(results), "result") { Layer = box.Layer + 1 };
            boxes.Add(result);
            arrows.Add((box, result, ""));
        }
        // A given tensor sits just above its first reader.
        foreach (var b in boxes.Where(b => b.Style == "leaf")) b.Layer = arrows.Where(a => a.From == b).Min(a => a.To.Layer) - 1;
        Place(boxes, arrows);
        return Svg(boxes, arrows);
    }

    (List<int> Reads, List<int> Writes) Accesses(Launch launch)
    {
        if (launch.Host is { } host) return ([.. host.Buffers[..^1].Distinct()], [host.Buffers[^1]]);
        var reads = new List<int>();
        var writes = new List<int>();
        foreach (var i in launch.Instances)
            for (int slot = 0; slot < i.Buffers.Length; slot++)
            {
                bool written = launch.Kernel!.Written.Contains(slot);
                if (written) writes.Add(i.Buffers[slot]);
                if (!written || buffers[i.Buffers[slot]].Kind == Kind.Leaf) reads.Add(i.Buffers[slot]);
            }
        return ([.. reads.Distinct()], [.. writes.Distinct()]);
    }

    /// <summary>At most four lines.</summary>
    static string[] Listed(List<string> values)
    {
        var distinct = values.GroupBy(v => v).Select(g => g.Count() > 1 ? $"{g.Count()} x {g.Key}" : g.Key).ToList();
        return distinct.Count <= 4 ? [.. distinct] : [.. distinct.Take(3), $"and {distinct.Count - 3} more"];
    }

    static IEnumerable<string> Wrapped(List<string> recipe)
    {
        string line = "";
        foreach (var part in recipe)
        {
            if (line != "" && line.Length + part.Length > 56) { yield return line; line = ""; }
            line += line == "" ? part : "; " + part;
        }
        if (line != "") yield return line;
    }

    /// <summary>Layers from top to bottom; within one, boxes in the order of what they hang on.</summary>
    static void Place(List<Box> boxes, List<(Box From, Box To, string Label)> arrows)
    {
        int y = Margin;
        foreach (var layer in boxes.GroupBy(b => b.Layer).OrderBy(g => g.Key))
        {
            foreach (var b in layer) b.Order = arrows.Where(a => a.To == b).Select(a => a.From.X + a.From.Width / 2.0).DefaultIfEmpty(0).Average();
            int x = Margin, height = layer.Max(b => b.Height);
            foreach (var b in layer.OrderBy(b => b.Order))
            {
                // Below the middle of what it hangs on, where there is room.
                b.X = Math.Max(x, (int)b.Order - b.Width / 2);
                b.Y = y + (height - b.Height) / 2;
                x = b.X + b.Width + GapX;
            }
            y += height + GapY;
        }
    }

    static string Svg(List<Box> boxes, List<(Box From, Box To, string Label)> arrows)
    {
        int width = boxes.Select(b => b.X + b.Width).DefaultIfEmpty(0).Max() + Margin, height = boxes.Select(b => b.Y + b.Height).DefaultIfEmpty(0).Max() + Margin;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="monospace" font-size="11">
            <style>.kernel rect {"{fill:#dbe9fb;stroke:#2f6fbf}"} .leaf rect {"{fill:#e0f3e0;stroke:#3c8d40}"} .result rect {"{fill:#fdeccf;stroke:#c07a10}"} path {"{fill:none;stroke:#555}"} .label {"{fill:#555;font-size:10px}"}</style>
            <defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><polygon points="0,0 8,4 0,8" fill="#555"/></marker></defs>
            <rect width="100%" height="100%" fill="white"/>

            """);
        foreach (var (from, to, label) in arrows)
        {
            int x1 = from.X + from.Width / 2, y1 = from.Y + from.Height, x2 = to.X + to.Width / 2, y2 = to.Y, bend = (y2 - y1) / 2;
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{x1},{y1} C{x1},{y1 + bend} {x2},{y2 - bend} {x2},{y2}\" marker-end=\"url(#tip)\"/>\n");
            if (label != "") svg.Append(CultureInfo.InvariantCulture, $"<text class=\"label\" x=\"{(x1 + x2) / 2 + 4}\" y=\"{(y1 + y2) / 2}\">{SecurityElement.Escape(label)}</text>\n");
        }
        foreach (var b in boxes)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<g class=\"{b.Style}\"><rect x=\"{b.X}\" y=\"{b.Y}\" width=\"{b.Width}\" height=\"{b.Height}\" rx=\"{(b.Style == "kernel" ? 3 : 12)}\"/>");
            for (int i = 0; i < b.Lines.Length; i++)
                svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{b.X + 10}\" y=\"{b.Y + 18 + i * LineHeight}\"{(i == 0 && b.Style == "kernel" ? " font-weight=\"bold\"" : "")}>{SecurityElement.Escape(b.Lines[i])}</text>");
            svg.Append("</g>\n");
        }
        return svg.Append("</svg>\n").ToString();
    }
}
