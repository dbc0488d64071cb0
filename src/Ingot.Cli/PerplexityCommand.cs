using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Data;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary><c>ingot eval perplexity</c>: what each precision of the weights costs against bf16.</summary>
static class PerplexityCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "A folder of Hugging Face's, a .gguf file, llama2.c's .bin, or a folder that speedrun made." };
        var data = new Option<string[]>("--data") { Description = "Texts to measure on.", Required = true, AllowMultipleArgumentsPerToken = true };
        var types = new Option<string>("--types") { Description = "Precisions to compare, with commas between.", DefaultValueFactory = _ => "q8_0,q6_k,q5_k,q4_k,q4_0" };
        var length = Options.Number("--length", null, "Tokens a row of text, each row on its own; at most the context.", 512);
        var most = Options.Number("--tokens", "-n", "Tokens to measure on, at most; 0: all.", 0);
        var json = new Option<bool>("--json") { Description = "JSON in place of the table." };
        var command = new Command("perplexity", "Perplexity and bits a byte in bf16, in each quantized type, and with weights rounded to 8 and 4 bits a row.") { model, data, types, length, most, json };
        command.SetAction(args =>
        {
            var loaded = LoadedModel.Load(args.GetValue(model)!);
            List<WeightRounding> roundings = [.. args.GetValue(types)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(t => WeightRounding.Of(ModelArguments.TypeOf(t)))];
            roundings = [WeightRounding.Of(GgmlType.BF16), .. roundings.Where(r => r.Name != "bf16"), WeightRounding.OfRows(8), WeightRounding.OfRows(4)];
            var cost = new PrecisionCost(loaded, [.. DataSource.Read(args.GetValue(data)!).Select(d => d.Text)], args.GetValue(length), args.GetValue(most));
            Print(cost, roundings, args.GetValue(json));
            return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
        });
        return command;
    }

    static void Print(PrecisionCost cost, List<WeightRounding> roundings, bool asJson)
    {
        if (!asJson) Console.WriteLine($"{cost.Tokens:N0} tokens, {cost.Bytes:N0} bytes\nweights             bits/weight        MB   perplexity   against bf16   bits/byte");
        PrecisionFigures? first = null;
        foreach (var rounding in roundings)
        {
            var f = cost.Of(rounding, StopSignal.Token);
            first ??= f;
            if (asJson) Console.WriteLine(JsonSerializer.Serialize(f, JsonSerializerOptions.Web));
            else Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{f.Name,-18}{f.BitsPerWeight,13:F2}{f.Megabytes,10:N1}{f.Perplexity,13:F4}{100 * (f.Perplexity / first.Perplexity - 1),14:+0.00;-0.00;0.00}%{f.BitsPerByte,12:F4}"));
        }
    }
}
