using System.CommandLine;
using System.Text;
using Ingot.Llm.Generation;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot sample</c>: continues a prompt, character by character.</summary>
static class SampleCommand
{
    public static Command Create()
    {
        var model = Options.Folder("--model", "-m", "Folder of a run.");
        model.Required = true;
        var prompt = new Option<string>("--prompt", "-p") { Description = "Text to continue.", DefaultValueFactory = _ => "" };
        var tokens = Options.Number("--tokens", "-n", "How many characters to write.", 500);
        var temperature = Options.Number("--temperature", "-t", "0 takes the likeliest character each time; 1 follows the model's probabilities.", 0.8);
        var topK = Options.Number("--top-k", "-k", "Choose among this many of the likeliest characters; 0: all.", 0);
        var seed = Options.Number("--seed", null, "The same seed gives the same text.", 1UL);
        var command = new Command("sample", "Continue a prompt with a trained model, streaming.") { model, prompt, tokens, temperature, topK, seed };
        command.SetAction(args => Run(Path.GetFullPath(args.GetValue(model)!), args.GetValue(prompt)!, args.GetValue(tokens), new(args.GetValue(temperature), args.GetValue(topK), args.GetValue(seed))));
        return command;
    }

    static int Run(string path, string prompt, int count, SamplingOptions options)
    {
        if (count < 0) throw new IngotException($"cannot write {count} characters");
        options.Checked();
        var (model, tokenizer) = new RunFolder(path).LoadModel();
        // Without a prompt the text starts after the first character of the vocabulary, in most texts the line feed.
        int[] start = prompt.Length > 0 ? tokenizer.Encode(prompt) : [0];
        using var stdout = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        stdout.Write(prompt);
        foreach (int id in new Generator(model).Continue(start, options).Take(count))
        {
            if (StopSignal.Token.IsCancellationRequested) break;
            stdout.Write(tokenizer.Decode([id]));
        }
        stdout.WriteLine();
        return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
    }
}
