module github.com/pitwheel/pitwheel

go 1.27.3
