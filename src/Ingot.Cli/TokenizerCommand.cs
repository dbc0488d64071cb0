using System.CommandLine;
using System.Globalization;
using System.Text;
using Ingot.Llm.Corpus;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Cli;

/// <summary><c>ingot tokenizer train|encode|decode|info</c>.</summary>
static class TokenizerCommand
{
    static readonly Dictionary<string, string> Patterns = new() { ["gpt2"] = SplitPatterns.Gpt2, ["cl100k"] = SplitPatterns.Cl100k, ["digits2"] = SplitPatterns.TwoDigits, ["qwen2"] = SplitPatterns.Qwen2, ["o200k"] = SplitPatterns.O200k };

    public static Command Create() => new("tokenizer", "Train a vocabulary of byte pairs; encode and decode with any tokenizer.") { Train(), Encode(), Decode(), Info() };

    static Command Train()
    {
        var data = new Option<string[]>("--data", "-d") { Description = "Text to learn from: files, or folders with text files.", AllowMultipleArgumentsPerToken = true, Required = true };
        var size = Options.Number("--vocab", null, "Tokens in all, special ones and the 256 bytes among them.", new BpeTrainerOptions().VocabularySize);
        var output = new Option<string>("--out", "-o") { Description = "The file to write, as Hugging Face's tokenizer.json.", DefaultValueFactory = _ => "tokenizer.json" };
        var pattern = new Option<string>("--pattern") { Description = "How text is split: gpt2; cl100k (GPT-4: up to three digits in a piece); digits2, qwen2 (the same with two digits, with one); o200k (GPT-4o).", DefaultValueFactory = _ => "cl100k" };
        pattern.AcceptOnlyFromAmong([.. Patterns.Keys]);
        var special = new Option<string[]>("--special") { Description = "Special tokens, which take the first ids; those for documents, chats and tools if none is given.", AllowMultipleArgumentsPerToken = true };
        var least = Options.Number("--min-count", null, "Pairs seen less often do not become tokens.", new BpeTrainerOptions().MinimumCount);
        var command = new Command("train", "Train a byte-level BPE tokenizer on text.") { data, size, output, pattern, special, least };
        command.SetAction(args =>
        {
            var options = new BpeTrainerOptions { VocabularySize = args.GetValue(size), Pattern = Patterns[args.GetValue(pattern)!], MinimumCount = args.GetValue(least) };
            if (args.GetValue(special) is { Length: > 0 } tokens) options = options with { SpecialTokens = tokens };
            string path = args.GetValue(output)!;
            if (string.IsNullOrWhiteSpace(path)) throw new IngotException("--out takes the path of a file, not an empty text");
            var trainer = new BpeTrainer(options);
            foreach (string file in args.GetValue(data)!.SelectMany(TextSource.Files)) trainer.AddFile(file, StopSignal.Token);
            Console.WriteLine($"{trainer.TextBytes / 1e6:N1} MB of text, {trainer.PieceCount:N0} different pieces");
            var tokenizer = trainer.Train(cancel: StopSignal.Token);
            TokenizerFile.Save(tokenizer, path);
            string fewer = tokenizer.VocabularySize < options.VocabularySize ? $"; no more pairs occur {options.MinimumCount} times" : "";
            Console.WriteLine($"{tokenizer.VocabularySize:N0} tokens in {path}{fewer}");
        });
        return command;
    }

    static Command Encode()
    {
        var file = TokenizerOption();
        var text = new Argument<string?>("TEXT") { Arity = ArgumentArity.ZeroOrOne, Description = "The text; standard input if it is not given." };
        var add = new Option<bool>("--add-special") { Description = "Put before and after the text what the model expects there." };
        var plain = new Option<bool>("--plain") { Description = "Text that looks like a special token is not one." };
        var show = new Option<bool>("--show") { Description = "A line for each token, with its text." };
        var command = new Command("encode", "Print the ids of a text.") { text, file, add, plain, show };
        command.SetAction(args =>
        {
            var tokenizer = TokenizerFile.Load(args.GetValue(file)!);
            bool addsSpecial = args.GetValue(add), parsesSpecial = !args.GetValue(plain);
            int[] ids = args.GetValue(text) is { } given ? tokenizer.Encode(given, addsSpecial, parsesSpecial) : tokenizer.EncodeBytes(StandardInput(), addsSpecial, parsesSpecial);
            using var output = StandardOutput();
            if (args.GetValue(show)) foreach (int id in ids) output.WriteLine($"{id,7}  {tokenizer.TokenText(id)}");
            else output.WriteLine(string.Join(' ', ids));
        });
        return command;
    }

    static Command Decode()
    {
        var file = TokenizerOption();
        var given = new Argument<string[]>("ID") { Arity = ArgumentArity.ZeroOrMore, Description = "The ids; standard input if none is given." };
        var skip = new Option<bool>("--skip-special") { Description = "Leave special tokens out." };
        var command = new Command("decode", "Print the text of ids.") { given, file, skip };
        command.SetAction(args =>
        {
            var tokenizer = TokenizerFile.Load(args.GetValue(file)!);
            var words = args.GetValue(given) is { Length: > 0 } list ? list : Encoding.UTF8.GetString(StandardInput()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            int[] ids = [.. words.Select(w => int.TryParse(w, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : throw new IngotException($"'{w}' is no id; ids are whole numbers from 0 to {tokenizer.VocabularySize - 1}"))];
            using var output = Console.OpenStandardOutput();
            output.Write(tokenizer.DecodeBytes(ids, args.GetValue(skip))); // bytes, so that encode and decode give back any input
        });
        return command;
    }

    static Command Info()
    {
        var file = TokenizerOption();
        var data = new Option<string[]>("--data", "-d") { Description = "Texts to tell the bytes a token of.", AllowMultipleArgumentsPerToken = true };
        var command = new Command("info", "Show what a tokenizer is.") { file, data };
        command.SetAction(args =>
        {
            var tokenizer = TokenizerFile.Load(args.GetValue(file)!);
            using var output = StandardOutput();
            output.WriteLine($"model       {tokenizer.Kind}");
            output.WriteLine($"vocabulary  {tokenizer.VocabularySize:N0} tokens");
            output.WriteLine($"special     {string.Join(' ', tokenizer.AddedTokens.Where(t => t.IsSpecial).Take(20).Select(t => $"{t.Content}={t.Id}"))}{(tokenizer.AddedTokens.Count(t => t.IsSpecial) > 20 ? " ..." : "")}");
            output.WriteLine($"begin, end  {string.Join(' ', tokenizer.BeginIds)} ... {string.Join(' ', tokenizer.EndIds)}");
            foreach (string path in (args.GetValue(data) ?? []).SelectMany(TextSource.Files))
            {
                string text = TextSource.Read([path]);
                int bytes = Encoding.UTF8.GetByteCount(text), tokens = tokenizer.Encode(text).Length;
                output.WriteLine($"{path}: {bytes:N0} bytes, {tokens:N0} tokens, {(double)bytes / tokens:F3} bytes a token");
            }
        });
        return command;
    }

    static Option<string> TokenizerOption() => new("--tokenizer", "-t") { Description = "tokenizer.json, NAME.tiktoken, a SentencePiece .model, vocab.txt, or a folder with one.", Required = true };

    static byte[] StandardInput()
    {
        using var input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }

    static StreamWriter StandardOutput() => new(Console.OpenStandardOutput(), new UTF8Encoding(false));
}
