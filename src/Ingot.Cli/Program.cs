Console.WriteLine("ingot");
