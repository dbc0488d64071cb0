using System.CommandLine;
using System.Text;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot sample</c>: continues a prompt, token by token: those of a model's folder, or the characters of a run's.</summary>
static class SampleCommand
{
    public static Command Create()
    {
        var model = Options.Folder("--model", "-m", "Folder of a run, or of a model: config.json, safetensors, tokenizer.json.");
        model.Required = true;
        var prompt = new Option<string>("--prompt", "-p") { Description = "Text to continue.", DefaultValueFactory = _ => "" };
        var tokens = Options.Number("--tokens", "-n", "How many tokens (in a run's folder: characters) to write.", 500);
        var sampling = new SamplingArguments();
        var command = new Command("sample", "Continue a prompt with a trained model, streaming.") { model, prompt, tokens };
        sampling.AddTo(command);
        command.SetAction(args => Run(Path.GetFullPath(args.GetValue(model)!), args.GetValue(prompt)!, args.GetValue(tokens), defaults => sampling.Read(args, defaults)));
        return command;
    }

    static int Run(string path, string prompt, int count, Func<SamplingDefaults, SamplingOptions> read)
    {
        if (count < 0) throw new IngotException($"cannot write {count} tokens");
        bool isFolder = ModelFolder.Exists(path);
        var options = read(isFolder ? ModelFolder.LoadSampling(path) : SamplingDefaults.None).Checked() with { MaxTokens = count };
        var text = isFolder ? TextOfFolder(path, prompt, options) : TextOfRun(path, prompt, options);
        using var stdout = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        foreach (string part in text)
        {
            if (StopSignal.Token.IsCancellationRequested) break;
            stdout.Write(part);
        }
        stdout.WriteLine();
        return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
    }

    static IEnumerable<string> TextOfFolder(string path, string prompt, SamplingOptions options)
    {
        var (model, tokenizer, _) = ModelFolder.Load(path);
        if (tokenizer is null) throw new IngotException($"{path} has no tokenizer.json");
        if (tokenizer.VocabularySize > model.VocabularySize) throw new IngotException($"the tokenizer of {path} has {tokenizer.VocabularySize} tokens, the model {model.VocabularySize}");
        int[] start = TextBeginning.Encode(tokenizer, prompt, model.Config.BeginToken);
        yield return prompt;
        var stream = new TextStream(tokenizer, options.Stop);
        foreach (int id in new Engine(model).Continue(start, options with { VocabularySize = tokenizer.VocabularySize }))
        {
            yield return stream.Add(id);
            if (stream.IsStopped) break;
        }
        yield return stream.End();
    }

    static IEnumerable<string> TextOfRun(string path, string prompt, SamplingOptions options)
    {
        if (options.Stop.Count > 0) throw new IngotException("--stop works with a model's folder, not with a run's of characters");
        var (model, tokenizer) = new RunFolder(path).LoadModel();
        // Without a prompt the text starts after the first character of the vocabulary, in most texts the line feed.
        int[] start = prompt.Length > 0 ? tokenizer.Encode(prompt) : [0];
        return new Generator(model).Continue(start, options).Take(options.MaxTokens).Select(id => tokenizer.Decode([id])).Prepend(prompt);
    }
}
