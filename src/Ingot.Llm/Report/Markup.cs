using System.Runtime.CompilerServices;
using System.Text;

namespace Ingot.Llm.Report;

/// <summary>
/// HTML that is being written. What is put into an interpolated text is escaped, whatever a model has said in it; only what is <see cref="Markup"/> already goes in as it is.
/// </summary>
sealed class Markup
{
    readonly StringBuilder text = new();

    public Markup Add([InterpolatedStringHandlerArgument("")] ref Handler html) => html.Markup;

    /// <summary>Takes text that is HTML already: drawings and the style sheet, never a model's words.</summary>
    public Markup AddRaw(string html)
    {
        text.Append(html);
        return this;
    }

    public override string ToString() => text.ToString();

    /// <summary>Text that is nothing but text in HTML, in attributes too. Characters that HTML does not allow become spaces.</summary>
    public static string Escape(string? value)
    {
        var escaped = new StringBuilder(value?.Length ?? 0);
        foreach (char c in value ?? "")
            escaped.Append(c switch
            {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\n' or '\t' => c.ToString(),
                _ when char.IsControl(c) => " ",
                _ => c.ToString(),
            });
        return escaped.ToString();
    }

    [InterpolatedStringHandler]
    public readonly ref struct Handler(int literalLength, int formattedCount, Markup markup)
    {
        public Markup Markup { get; } = Reserve(markup, literalLength + 16 * formattedCount);

        static Markup Reserve(Markup markup, int more)
        {
            markup.text.EnsureCapacity(markup.text.Length + more);
            return markup;
        }

        public void AppendLiteral(string html) => Markup.text.Append(html);

        public void AppendFormatted(string? value) => Markup.text.Append(Escape(value));

        public void AppendFormatted(int value) => Markup.text.Append(value.ToString(System.Globalization.CultureInfo.InvariantCulture));

        public void AppendFormatted(Markup html) => Markup.text.Append(html.text);
    }
}
