using System.CommandLine;
using System.Text;
using Ingot.Llm.Models;

namespace Ingot.Cli;

/// <summary><c>ingot chat</c>: a conversation in the terminal.</summary>
static class ChatCommand
{
    public static Command Create()
    {
        var model = Options.Folder("--model", "-m", "A model's folder or file, or the folder of a stage or of a run.");
        model.Required = true;
        var system = new Option<string?>("--system") { Description = "What the model is told about itself." };
        var words = new Option<string?>("--prefill") { Description = "What every answer begins with." };
        var tokens = Options.Number("--tokens", "-n", "The most tokens of an answer.", 512);
        var sampling = new SamplingArguments();
        var command = new Command("chat", "Talk with a model, streaming; those that Ingot trained have a calculator. Commands begin with a slash: /help lists them.") { model, system, words, tokens };
        sampling.AddTo(command);
        command.SetAction(args =>
        {
            string path = Path.GetFullPath(args.GetValue(model)!);
            var loaded = LoadedModel.Load(path);
            if (!loaded.IsChat) throw new IngotException($"{path} has neither a chat template nor the special tokens of Ingot's chat format: it continues texts, ingot run {path}");
            using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
            using var session = ChatTerminal.SessionOf(loaded, new(loaded), null);
            session.System = args.GetValue(system);
            new ChatTerminal(session, (sampling.Read(args, loaded.Sampling) with { MaxTokens = args.GetValue(tokens) }).Checked(), args.GetValue(words), output).Talk(loaded);
            return StopSignal.Token.IsCancellationRequested ? StopSignal.ExitCode : 0;
        });
        return command;
    }
}
