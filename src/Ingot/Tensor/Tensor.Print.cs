using System.Globalization;
using System.Text;

namespace Ingot;

/// <summary>A tensor as text, laid out as PyTorch does it.</summary>
public sealed partial class Tensor
{
    /// <summary>The values with dtype and shape, aligned; of more than 1000 elements the first and last three along each dimension. Computes the tensor.</summary>
    public override string ToString() => new Printout(this).Text();

    /// <summary>Text of one element: a common format and width for all that are shown.</summary>
    sealed class Printout
    {
        const int Threshold = 1000, Edge = 3, LineWidth = 100;
        const string Head = "tensor(";

        readonly Tensor tensor;
        readonly bool isShort;
        readonly string[] texts; // of every element that is shown, by its row-major position; null elsewhere
        readonly int width;

        public Printout(Tensor tensor)
        {
            this.tensor = tensor;
            isShort = tensor.Count > Threshold;
            texts = new string[tensor.Count];
            var shown = Shown(0, 0).ToArray();
            if (tensor.DType.IsFloat) FormatFloats(shown);
            else if (tensor.DType == DType.Bool) Format(shown, tensor.ToArray<bool>(), b => b ? "True" : "False");
            else if (tensor.DType == DType.U64) Format(shown, tensor.ToArray<ulong>(), u => u.ToString(CultureInfo.InvariantCulture));
            else Format(shown, tensor.ToArray<long>(), i => i.ToString(CultureInfo.InvariantCulture));
            foreach (var i in shown) width = Math.Max(width, texts[i].Length);
        }

        public string Text()
        {
            var text = new StringBuilder(Head);
            Append(text, 0, 0);
            return text.Append(CultureInfo.InvariantCulture, $", {tensor.DType.Name}{(tensor.Rank == 0 ? "" : " " + tensor.Shape)})").ToString();
        }

        bool IsCut(int dim) => isShort && tensor.Shape[dim] > 2 * Edge;

        /// <summary>Indices along a dimension that are shown; -1 stands for the gap.</summary>
        IEnumerable<int> Indices(int dim)
        {
            int n = tensor.Shape[dim];
            if (!IsCut(dim)) return Enumerable.Range(0, n);
            return [.. Enumerable.Range(0, Edge), -1, .. Enumerable.Range(n - Edge, Edge)];
        }

        IEnumerable<long> Shown(int dim, long at)
        {
            if (dim == tensor.Rank) return [at];
            return Indices(dim).Where(i => i >= 0).SelectMany(i => Shown(dim + 1, at * tensor.Shape[dim] + i));
        }

        void Format<T>(long[] shown, T[] values, Func<T, string> text)
        {
            foreach (var i in shown) texts[i] = text(values[i]);
        }

        void FormatFloats(long[] shown)
        {
            var values = tensor.ToArray<double>();
            var sizes = shown.Select(i => Math.Abs(values[i])).Where(v => double.IsFinite(v) && v != 0).ToArray();
            double least = sizes.DefaultIfEmpty(1).Min(), greatest = sizes.DefaultIfEmpty(1).Max();
            bool whole = Array.TrueForAll(sizes, v => v == Math.Truncate(v));
            string format = (whole ? greatest >= 1e9 : greatest / least > 1000 || greatest > 1e8 || least < 1e-4) ? "0.0000e+00" : whole ? "0'.'" : "0.0000";
            Format(shown, values, v => double.IsNaN(v) ? "nan" : double.IsInfinity(v) ? (v > 0 ? "inf" : "-inf")
                : (v == 0 && double.IsNegative(v) ? "-" : "") + v.ToString(format, CultureInfo.InvariantCulture).TrimStart(v == 0 ? '-' : ' '));
        }

        void Append(StringBuilder text, int dim, long at)
        {
            if (dim == tensor.Rank)
            {
                text.Append(tensor.Rank == 0 ? texts[at] : texts[at].PadLeft(width));
                return;
            }
            bool isRow = dim == tensor.Rank - 1;
            string indent = new(' ', Head.Length + dim + 1);
            int perLine = Math.Max(1, (LineWidth - indent.Length) / (width + 2));
            text.Append('[');
            int column = 0;
            foreach (var i in Indices(dim))
            {
                if (column > 0)
                {
                    text.Append(',');
                    if (!isRow) text.Append('\n', tensor.Rank - 1 - dim).Append(indent);
                    else if (column % perLine == 0) text.Append('\n').Append(indent);
                    else text.Append(' ');
                }
                if (i < 0) text.Append("...");
                else Append(text, dim + 1, at * tensor.Shape[dim] + i);
                column++;
            }
            text.Append(']');
        }
    }
}
