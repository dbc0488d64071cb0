using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Ingot.Cli;

/// <summary>Options whose values are read the same way in every country (1,5 is no number, not fifteen), with messages that speak of numbers, not of types.</summary>
static class Options
{
    /// <summary>A number that may be left out.</summary>
    public static Option<T?> Number<T>(string name, string description, string? shortName = null) where T : struct, INumber<T>, IMinMaxValue<T> =>
        new(name, shortName is null ? [] : [shortName]) { Description = description, CustomParser = argument => Read<T>(name, argument) };

    /// <summary>A number with a default.</summary>
    public static Option<T> Number<T>(string name, string? shortName, string description, T standard) where T : struct, INumber<T>, IMinMaxValue<T> =>
        new(name, shortName is null ? [] : [shortName]) { Description = description, CustomParser = argument => Read<T>(name, argument) ?? standard, DefaultValueFactory = _ => standard };

    /// <summary>The path of a folder, which need not exist.</summary>
    public static Option<string> Folder(string name, string shortName, string description) => new(name, shortName)
    {
        Description = description,
        CustomParser = argument =>
        {
            if (argument.Tokens is [{ Value: { } path }] && !string.IsNullOrWhiteSpace(path)) return path;
            argument.AddError($"{name} takes the path of a folder, not an empty text.");
            return "";
        },
    };

    static T? Read<T>(string name, ArgumentResult argument) where T : struct, INumber<T>, IMinMaxValue<T>
    {
        string text = argument.Tokens is [var token] ? token.Value : "";
        bool isWhole = !T.TryParse("0.5", CultureInfo.InvariantCulture, out _);
        if (T.TryParse(text, isWhole ? NumberStyles.AllowLeadingSign : NumberStyles.Float, CultureInfo.InvariantCulture, out var number)) return number;
        argument.AddError($"{name} takes {(isWhole ? $"a whole number from {T.MinValue} to {T.MaxValue}" : "a number such as 0.001")}, not '{text}'.");
        return null;
    }
}
