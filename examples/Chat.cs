#:project ../src/Ingot.Llm/Ingot.Llm.csproj
#:property PublishAot=false
using Ingot.Llm.Extensions;
using Microsoft.Extensions.AI;

using var model = IngotChatClient.Load(args.Length > 0 ? args[0] : "RUN");
List<ChatMessage> talk = [];
while (Console.ReadLine() is { Length: > 0 } line)
{
    talk.Add(new(ChatRole.User, line));
    var answer = await model.GetResponseAsync(talk);
    talk.AddRange(answer.Messages);
    Console.WriteLine(answer.Text);
}
